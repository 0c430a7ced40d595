"""Monthly performance and quarterly drift: levels, alerts, too little data, and the change that high drift proposes."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from shared.application.errors import PlatformErrored, PlatformRefused, TransientFault
from shared.application.routines.look import look
from shared.application.routines.start import start, start_due
from shared.domain.routines.cutoff import ProposalState
from shared.domain.routines.monitoring import Bounds, Thresholds
from shared.domain.routines.task import EndKind, Routine, TaskState
from tests.fakes.clock import FakeClock
from tests.fakes.source_control import MemorySourceControl
from tests.support.benches.routines import CIRCUITS, Production

MONTH, QUARTER = "2025-12", "2025-q4"
GOOD = {"mae": 0.1, "rmse": 0.15, "mape": 0.05, "r2": 0.9, "rows": 700, "days": 31, "inconclusive": ""}
CALM = {"features": {"temperature": 0.02, "pressure": 0.04}, "rows": 2000, "inconclusive": ""}
DRIFTED = {"features": {"temperature": 0.31, "pressure": 0.04}, "rows": 2000, "inconclusive": ""}


@pytest.fixture
def production() -> Production:
    made = Production(clock=FakeClock(NEW_YEAR))
    for circuit in CIRCUITS:
        made.predict(circuit, date(2025, 12, 1), 31)
        made.platform.reports[circuit] = GOOD
    return made


NEW_YEAR = datetime(2026, 1, 1, 6, 0, tzinfo=UTC)


async def test_the_month_that_is_over_is_measured_and_kept(production: Production) -> None:
    assert await start_due(Routine.PERFORMANCE, production.ports) == 3
    await production.go_on()
    task = await production.task(Routine.PERFORMANCE, MONTH)
    assert task.state is TaskState.SUCCEEDED
    assert task.result == {"mae": 0.1, "rmse": 0.15, "mape": 0.05, "r2": 0.9, "rows": 700.0, "level": "ok"}
    job = production.platform.monitor_jobs[f"performance-{MONTH}-p001-c001-1"]
    assert (job.first, job.last) == (date(2025, 12, 1), date(2025, 12, 31))
    assert job.model.endswith("sensor_model_P001_C001/versions/3")
    assert job.environment.endswith("custom-tf-env/versions/1.5.0")
    assert production.alerts() == []


@pytest.mark.parametrize(
    ("measured", "level", "alerts"),
    [
        ({"mae": 0.15}, "ok", 0),
        ({"mae": 0.1501}, "warning", 0),
        ({"mae": 0.25}, "warning", 0),
        ({"mae": 0.2501}, "critical", 1),
        ({"rmse": 0.36}, "critical", 1),
        ({"mae": 0.3, "rmse": 0.4}, "critical", 1),
        ({"mape": 0.5}, "critical", 0),  # R-ALERT-1 asks for none for mape
        ({"r2": -1.0}, "ok", 0),
        ({"mape": None}, "ok", 0),
    ],
)
async def test_levels_and_alerts_follow_the_thresholds(
    production: Production, measured: dict[str, float], level: str, alerts: int
) -> None:
    production.platform.reports["P001-C001"] = {**GOOD, **measured}
    await start(Routine.PERFORMANCE, MONTH, production.ports)
    await production.go_on()
    assert (await production.task(Routine.PERFORMANCE, MONTH)).result["level"] == level
    assert production.alerts() == [("model-performance-degradation", "P001-C001")] * alerts


@pytest.mark.parametrize(
    ("at_release", "measured", "worse_pct", "degraded"),
    [
        ({"mae": "0.1", "rmse": "0.2"}, {"mae": 0.12, "rmse": 0.2}, 20.0, False),
        ({"mae": "0.1", "rmse": "0.2"}, {"mae": 0.121, "rmse": 0.2}, 21.0, True),
        ({"mae": "0.1", "rmse": "0.2"}, {"mae": 0.05, "rmse": 0.25}, 25.0, True),  # the error that grew most
        ({"mae": "0.3"}, {"mae": 0.31, "rmse": 0.1}, 3.3, False),  # above every bound, and as it was approved
        ({"mae": "0.3"}, {"mae": 0.1, "rmse": 0.1}, -66.7, False),
        ({}, {"mae": 0.28, "rmse": 0.1}, 12.0, False),  # unknown: by how much the critical bound is exceeded
        ({}, {"mae": 0.31, "rmse": 0.1}, 24.0, True),
    ],
)
async def test_a_model_is_degraded_when_it_is_worse_than_it_was_at_release(
    production: Production, at_release: dict[str, str], measured: dict[str, float], worse_pct: float, degraded: bool
) -> None:
    """20 percent above a bound that all circuits share is not 20 percent worse."""
    for deployed in production.models.deployments.values():
        deployed.spec = replace(deployed.spec, tags={**deployed.spec.tags, **at_release})
    production.platform.reports["P001-C001"] = {**GOOD, **measured}
    await start(Routine.PERFORMANCE, MONTH, production.ports)
    await production.go_on()
    task = await production.task(Routine.PERFORMANCE, MONTH)
    assert task.result["degradation_pct"] == worse_pct
    assert ("model-degraded" in [rule for rule, circuit in production.alerts() if circuit == "P001-C001"]) is degraded
    assert ("at release (" in task.detail) is bool(at_release)


async def test_a_deployment_that_runs_another_model_by_now_says_nothing_about_the_one_measured(
    production: Production,
) -> None:
    production.platform.reports["P001-C001"] = {**GOOD, "mae": 0.28}
    for deployed in production.models.deployments.values():
        deployed.spec = replace(deployed.spec, tags={"mae": "0.01"})
    await start(Routine.PERFORMANCE, MONTH, production.ports)
    for deployed in production.models.deployments.values():
        deployed.spec = replace(deployed.spec, model=deployed.spec.model.replace("versions/3", "versions/4"))
    await production.go_on()
    assert "the model tells no error at release" in (await production.task(Routine.PERFORMANCE, MONTH)).detail


async def test_a_circuit_may_have_thresholds_of_its_own(production: Production) -> None:
    """The alert rule says critical and means the circuit's own number."""
    own = Thresholds(performance={"mae": Bounds(warning=0.4, critical=0.5)})
    policy = replace(production.ports.policy, overrides={"P001-C001": own})
    production.ports = replace(production.ports, policy=policy)
    for circuit in CIRCUITS[:2]:
        production.platform.reports[circuit] = {**GOOD, "mae": 0.3}
    await start(Routine.PERFORMANCE, MONTH, production.ports)
    await production.go_on()
    assert production.alerts() == [("model-performance-degradation", "P001-C002")]
    assert (await production.task(Routine.PERFORMANCE, MONTH)).result["level"] == "ok"


async def test_a_month_without_predictions_is_inconclusive_and_needs_no_job(production: Production) -> None:
    production.platform.published.clear()
    await start(Routine.PERFORMANCE, MONTH, production.ports)
    await production.go_on()
    task = await production.task(Routine.PERFORMANCE, MONTH)
    assert (task.state, task.ends[0].kind) == (TaskState.INCONCLUSIVE, EndKind.NO_JOB)
    assert "no predictions from 2025-12-01 to 2025-12-31" in task.detail
    assert production.platform.started == []


async def test_a_month_with_days_missing_says_so(production: Production) -> None:
    """Enough rows to judge by, and not the whole month."""
    production.platform.reports["P001-C001"] = {**GOOD, "days": 10}
    await start(Routine.PERFORMANCE, MONTH, production.ports)
    await production.go_on()
    details = [task.detail for task in await production.tasks.of(Routine.PERFORMANCE, MONTH)]
    assert details == ["within its bounds; only 10 of 31 days could be compared", *["within its bounds"] * 2]


async def test_a_refusal_to_list_predictions_uses_up_a_try(production: Production) -> None:
    """It would not be otherwise a minute later, and nobody looks for ever."""
    production.platform.faults = [PlatformRefused("not allowed")] * 9
    await start(Routine.PERFORMANCE, MONTH, production.ports)
    await production.go_on()
    task = await production.task(Routine.PERFORMANCE, MONTH)
    assert (task.state, task.detail) == (TaskState.FAILED, "not allowed")
    assert [end.kind for end in task.ends] == [EndKind.NOT_STARTED] * 3


@pytest.mark.parametrize(
    "report", [{**GOOD, "rows": 199}, {**GOOD, "rows": 0, "mae": None, "inconclusive": "no predicted row"}]
)
async def test_too_few_rows_are_inconclusive_and_never_ok(production: Production, report: dict[str, object]) -> None:
    production.platform.reports["P001-C001"] = report
    await start(Routine.PERFORMANCE, MONTH, production.ports)
    await production.go_on()
    task = await production.task(Routine.PERFORMANCE, MONTH)
    assert task.state is TaskState.INCONCLUSIVE
    assert "level" not in task.result


@pytest.mark.parametrize(
    "report", [{**GOOD, "mae": float("nan")}, {**GOOD, "rows": "many"}, {"mae": True}, {**GOOD, "mae": 10**400}]
)
async def test_a_report_that_says_no_number_is_tried_again_and_fails(
    production: Production, report: dict[str, object]
) -> None:
    production.platform.reports["P001-C001"] = report
    await start(Routine.PERFORMANCE, MONTH, production.ports)
    await production.go_on()
    assert (await production.task(Routine.PERFORMANCE, MONTH)).state is TaskState.FAILED


async def drifted(production: Production, *, features: dict[str, object] | None = None) -> None:
    """A quarter in which P001-C001 drifted."""
    for circuit in CIRCUITS:
        production.platform.reports[circuit] = CALM
    production.platform.reports["P001-C001"] = features or DRIFTED
    await start(Routine.DRIFT, QUARTER, production.ports)
    await production.go_on()


@pytest.mark.parametrize(
    ("psi", "level", "alerts"),
    [
        (0.05, "ok", 0),
        (0.051, "low", 0),
        (0.15, "low", 0),
        (0.151, "warning", 0),
        (0.25, "warning", 0),
        (0.251, "critical", 1),
    ],
)
async def test_drift_is_judged_by_the_feature_that_drifted_most(
    production: Production, psi: float, level: str, alerts: int
) -> None:
    await drifted(production, features={**CALM, "features": {"temperature": 0.01, "pressure": psi}})
    task = await production.task(Routine.DRIFT, QUARTER)
    assert (task.result["level"], task.result["drift_magnitude"]) == (level, psi)
    assert production.alerts() == [("data-drift", "P001-C001")] * alerts
    assert len(production.proposals.proposals) == alerts


async def test_the_drift_job_covers_the_quarter(production: Production) -> None:
    await drifted(production)
    job = production.platform.monitor_jobs[f"drift-{QUARTER}-p001-c001-1"]
    assert (job.first, job.last) == (date(2025, 10, 1), date(2025, 12, 31))


async def test_a_dry_run_records_the_exact_difference_and_sends_nothing(production: Production) -> None:
    await drifted(production)
    [proposal] = await production.proposals.of([QUARTER])
    assert proposal.state is ProposalState.DRY_RUN
    changed = [line for line in proposal.diff.splitlines() if line[0] in "+-" and line[:3] not in ("+++", "---")]
    assert changed == [
        '-  cutoff_date: "2025-12-09"     # training reads the days up to and including this one',
        '+  cutoff_date: "2025-12-31"     # training reads the days up to and including this one',
    ]
    assert proposal.diff.startswith("--- a/config/plants/P001/C001.yml\n+++ b/config/plants/P001/C001.yml\n")
    assert "temperature drifted most: 0.310" in proposal.body


async def with_source_control(production: Production) -> MemorySourceControl:
    source = MemorySourceControl(dict(production.files))
    production.ports = replace(production.ports, source_control=source)
    return source


async def test_high_drift_opens_one_pull_request_however_often_it_is_looked_at(production: Production) -> None:
    source = await with_source_control(production)
    await drifted(production)
    task, version = production.tasks.tasks[(await production.task(Routine.DRIFT, QUARTER)).ref]
    await production.tasks.save(replace(task, told=0), str(version))  # as after a crash before it was recorded
    await look(task.ref, production.ports)

    assert list(source.pull_requests) == ["drift/p001-c001-2025-q4"]
    [proposal] = await production.proposals.of([QUARTER])
    assert (proposal.state, proposal.url) == (ProposalState.OPENED, "https://source.example.com/pull/1")
    assert 'cutoff_date: "2025-12-31"' in source.branches["drift/p001-c001-2025-q4"]["config/plants/P001/C001.yml"]


async def test_source_control_that_does_not_answer_is_asked_again(production: Production) -> None:
    source = await with_source_control(production)
    source.faults = [TransientFault("no answer"), PlatformErrored("no answer either")]
    for circuit in CIRCUITS:
        production.platform.reports[circuit] = CALM
    production.platform.reports["P001-C001"] = DRIFTED
    await start(Routine.DRIFT, QUARTER, production.ports)
    await production.go_on()
    assert source.faults == []
    assert len(source.pull_requests) == 1
    assert production.alerts() == [("data-drift", "P001-C001")]


async def test_a_refusal_is_noted_and_stays_planned(production: Production) -> None:
    source = await with_source_control(production)
    source.faults = [PlatformRefused("the token may not write")]
    await drifted(production)
    [proposal] = await production.proposals.of([QUARTER])
    assert (proposal.state, proposal.note) == (ProposalState.PLANNED, "the token may not write")
    assert (await production.task(Routine.DRIFT, QUARTER)).is_done


async def test_a_cutoff_date_that_is_later_already_needs_no_change(production: Production) -> None:
    production.files["config/plants/P001/C001.yml"] = production.files["config/plants/P001/C001.yml"].replace(
        "2025-12-09", "2026-01-02"
    )
    await drifted(production)
    [proposal] = await production.proposals.of([QUARTER])
    assert proposal.state is ProposalState.NOT_NEEDED


async def test_too_little_data_for_drift_is_inconclusive_and_proposes_nothing(production: Production) -> None:
    await drifted(production, features={"features": {"temperature": None}, "rows": 20, "inconclusive": "20 values"})
    task = await production.task(Routine.DRIFT, QUARTER)
    assert (task.state, task.detail) == (TaskState.INCONCLUSIVE, "20 values")
    assert production.proposals.proposals == {}


@pytest.mark.parametrize(("psi", "state"), [(0.31, TaskState.SUCCEEDED), (0.2, TaskState.INCONCLUSIVE)])
async def test_a_feature_without_values_does_not_hide_that_another_one_drifted(
    production: Production, psi: float, state: TaskState
) -> None:
    """Critical is critical; anything less is no all-clear while something is unknown."""
    features = {"temperature": psi, "pressure": None}
    await drifted(production, features={"features": features, "rows": 0, "inconclusive": "fewer values: pressure"})
    task = await production.task(Routine.DRIFT, QUARTER)
    assert task.state is state
    assert "fewer values: pressure" in task.detail
    assert len(production.proposals.proposals) == (1 if state is TaskState.SUCCEEDED else 0)
