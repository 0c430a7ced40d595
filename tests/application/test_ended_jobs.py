"""Everybody who reads a job's status, and what they make of each of Azure ML's words: one table, as ADR 7 has it."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date

import pytest

from shared.application.errors import PlatformRefused, PortError
from shared.application.etl.load import run_window
from shared.application.fleet.checks import cancel_checks, check_target
from shared.application.fleet.rollback import probe_target
from shared.application.online.candidate import observe_comparison
from shared.application.platform_ports import Place
from shared.application.routines.inference import RecordedOutcomes
from shared.application.routines.start import start
from shared.application.training.start import request_trainings
from shared.domain.etl.load import LoadSummary
from shared.domain.online.events import Compared
from shared.domain.predictions import Predicted
from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.model import Phase
from shared.domain.routines.task import Routine
from shared.settings import APP_ROOT
from tests.application.etl.test_load import LAST
from tests.application.etl.test_load import Bench as LoadBench
from tests.application.release.test_effects_jobs import observed_after_start
from tests.fakes.platform import PREDICTED, FakeJob
from tests.support.benches.online import OnlineBench
from tests.support.benches.release import Bench
from tests.support.benches.road import NEW_ID, fleet_in_production
from tests.support.benches.routines import Production
from tests.support.benches.training import TrainingBench, a_request
from tests.support.builders import NOW, RELEASE_ID, a_fleet_release
from tests.support.online_releases import an_online_release

CIRCUIT, DAY, MONTH = "P001-C001", "2026-01-05", "2025-12"
GOES_ON = "goes on"


Output = Predicted | PortError | None


async def tried_model(status: str, output: Output = PREDICTED) -> str:
    bench = Bench()
    bench.platform.predicted = output
    bench.platform.job_status = status
    event = await observed_after_start(bench)
    return event.verdict.value if isinstance(event, e.TestFinished) else GOES_ON


async def baseline(status: str) -> str:
    return await _check("Completed", status)


async def check(status: str) -> str:
    return await _check(status, "Completed")


async def _check(status: str, of_baseline: str) -> str:
    fleet = fleet_in_production(Bench())
    fleet.platform.registry[NEW_ID] = "environment"
    release = await fleet.put(a_fleet_release(Phase.CHECKING))
    command = c.CheckTarget(
        command_id="check-1",
        release_id=RELEASE_ID,
        serial=release.serial,
        target_key=CIRCUIT,
        attempt=1,
        look=0,
        previous=next(iter(fleet.platform.deployments.values())).spec,
        environment=NEW_ID,
    )
    for job_status in (of_baseline, status, status):  # submits the baseline, then the check, then looks at both
        fleet.platform.job_status = job_status
        event = await check_target(command, release, fleet.ports)
    if event is None:
        assert fleet.commands.sent[-1][1] == replace(command, not_before=fleet.commands.sent[-1][1].not_before)
        return GOES_ON
    assert isinstance(event, e.TargetAnswered)
    return event.verdict.value if event.verdict else event.outcome.value


async def sample(status: str, output: Output = PREDICTED) -> str:
    fleet = fleet_in_production(Bench())
    fleet.platform.predicted = output
    fleet.platform.job_status = status
    release = await fleet.put(a_fleet_release(Phase.CHECKING))
    command = c.ProbeTarget(
        command_id="probe-1",
        release_id=RELEASE_ID,
        serial=release.serial,
        target_key=CIRCUIT,
        attempt=1,
        look=0,
        spec=next(iter(fleet.platform.deployments.values())).spec,
    )
    event = await probe_target(command, release, fleet.ports)
    assert isinstance(event, e.TargetAnswered)
    return GOES_ON if event.outcome is e.Outcome.PENDING else event.outcome.value


async def stopped_check(status: str) -> str:
    bench = Bench()
    bench.platform.jobs[Place.TEST, "check-1"] = FakeJob(status, "see the log")
    await cancel_checks(
        c.CancelChecks(command_id="c", release_id=RELEASE_ID, serial=1, job_names=("check-1",)), bench.ports
    )
    (event,) = (event for _, event, _ in bench.events.sent)
    assert isinstance(event, e.ChecksCancelled)
    return GOES_ON if event.detail.startswith("1 ") else "left alone"


async def comparison(status: str) -> str:
    bench = OnlineBench()
    bench.platform.jobs[Place.DEV, "compare-1"] = FakeJob(status, "see the log")
    release = an_online_release(Phase.COMPARING)
    command = c.ObserveComparison(command_id="c", release_id=RELEASE_ID, serial=release.serial, job_name="compare-1")
    event = await observe_comparison(command, release, bench.ports)
    return event.verdict.value if isinstance(event, Compared) else GOES_ON


async def inference(status: str, output: Output = PREDICTED) -> str:
    return await _first_end(await _worked(Routine.INFERENCE, DAY, status, output), Routine.INFERENCE, DAY)


async def monitoring(status: str) -> str:
    return await _first_end(await _worked(Routine.PERFORMANCE, MONTH, status), Routine.PERFORMANCE, MONTH)


async def published(status: str, output: Output = PREDICTED) -> str:
    production = await _worked(Routine.INFERENCE, DAY, status, output)
    return ", ".join(path for path in production.platform.published if "P001/C001" in path and DAY in path)


async def alerting(status: str, output: Output = PREDICTED) -> str:
    production = await _worked(Routine.INFERENCE, DAY, status, output)
    return ", ".join(rule for rule, circuit in production.alerts() if circuit == CIRCUIT)


async def watch(status: str, output: Output = PREDICTED) -> str:
    production = await _worked(Routine.INFERENCE, DAY, status, output)
    counted = (await RecordedOutcomes(production.tasks).since([CIRCUIT], NOW))[CIRCUIT]
    unclear = f", {counted.unclear} unclear" if counted.unclear else ""
    return f"{counted.succeeded} well, {counted.failed} failed{unclear}"


async def _worked(routine: Routine, period: str, status: str, output: Output = PREDICTED) -> Production:
    """For as long as the first try takes, and no second one has begun."""
    production = Production()
    production.models.job_status = status
    production.models.predicted = output
    production.predict(CIRCUIT, date(2025, 12, 1), 31)
    await start(routine, period, production.ports)
    await production.go_on(hours=0.2)
    return production


async def _first_end(production: Production, routine: Routine, period: str) -> str:
    ends = (await production.task(routine, period)).ends
    return ends[0].kind.value if ends else GOES_ON


async def training(status: str, said: str = "") -> str:
    bench = TrainingBench()
    bench.platform.decide = lambda _: (0, status, said)
    [run_id] = await request_trainings([a_request()], bench.ports)
    for _ in range(2):  # the job is submitted, and looked at once
        while await bench.deliver():
            continue
        bench.clock.advance(31)
    run = bench.run(run_id)
    return f"attempt {run.attempt} {run.phase.value}"


async def explained_training(status: str) -> str:
    return await training(status, "NoRowsError: none")


async def load(status: str) -> str:
    bench = LoadBench()
    bench.platform.end(LAST, status, LoadSummary())
    await run_window(bench.ports)
    return next((data["end"] for _, _, data in bench.facts.facts.values()), "done")


STATUSES = {
    "completed": ("Completed", "completed", "COMPLETED"),
    "failed": ("Failed", "failed", "FAILED"),
    "cancelled": ("Canceled", "canceled", "CANCELED"),
    "not responding": ("NotResponding", "Not Responding", "notresponding", "NOTRESPONDING"),
    GOES_ON: (
        "Running",
        "Queued",
        "Preparing",
        "Finalizing",
        "CancelRequested",
        "Paused",
        "Unknown",
        "AWordOfTomorrow",
    ),
}

READERS: dict[Callable[[str], Awaitable[str]], tuple[str, str, str, str, str]] = {
    #                    completed, failed, cancelled, not responding, goes on
    tried_model: ("passed", "failed", "errored", "errored", GOES_ON),
    baseline: ("passed", "errored", "errored", "errored", GOES_ON),
    check: ("passed", "failed", "errored", "errored", GOES_ON),
    sample: ("done", "refused", "errored", "errored", GOES_ON),
    stopped_check: ("left alone", "left alone", "left alone", "left alone", GOES_ON),
    comparison: ("passed", "errored", "errored", "errored", GOES_ON),
    inference: ("completed", "failed", "cancelled", "broken", GOES_ON),
    monitoring: ("no_output", "failed", "cancelled", "broken", GOES_ON),
    alerting: ("", "batch-job-failure", "", "batch-job-failure", ""),
    watch: ("1 well, 0 failed", "0 well, 1 failed", "0 well, 0 failed", "0 well, 0 failed", "0 well, 0 failed"),
    training: (
        "attempt 1 succeeded",
        "attempt 2 training",
        "attempt 1 failed",
        "attempt 2 training",
        "attempt 1 training",
    ),
    explained_training: (
        "attempt 1 succeeded",
        "attempt 1 failed",
        "attempt 1 failed",
        "attempt 2 training",
        "attempt 1 training",
    ),
    load: ("done", "failed", "failed", "failed", "late"),
}

CASES = [
    pytest.param(reader, word, meaning, id=f"{reader.__name__}-{word}")
    for reader, meanings in READERS.items()
    for meaning, words in zip(meanings, STATUSES.values(), strict=True)
    for word in words
]


@pytest.mark.parametrize(("reader", "status", "meaning"), CASES)
async def test_every_reader_of_a_jobs_status_knows_every_word(
    reader: Callable[[str], Awaitable[str]], status: str, meaning: str
) -> None:
    """In every spelling. A word nobody knows is no end: a deadline decides about such a job."""
    assert await reader(status) == meaning


OUTPUTS: dict[str, Output] = {
    "all of it": PREDICTED,
    "no rows": replace(PREDICTED, rows=0, columns={}),
    "rows without values": replace(PREDICTED, columns={}),
    "a value that is no number": replace(PREDICTED, no_numbers=1),
    "rows of other days": replace(PREDICTED, other_days=2),
    "no file": None,
    "a file nobody can read": PlatformRefused("no Parquet file"),
}
WELL = f"predictions/P001/C001/{DAY}.parquet"

#: Of a job that Azure ML calls completed:  good, bad, and nobody can tell.
READERS_OF_OUTPUT: dict[Callable[[str, Output], Awaitable[str]], tuple[str, str, str]] = {
    tried_model: ("passed", "failed", "inconclusive"),
    sample: ("done", "refused", "errored"),
    inference: ("completed", "bad_output", "no_output"),
    published: (WELL, "", ""),
    alerting: ("", "batch-job-failure", ""),
    watch: ("1 well, 0 failed", "0 well, 1 failed", "0 well, 0 failed, 1 unclear"),
}


@pytest.mark.parametrize("reader", READERS_OF_OUTPUT)
@pytest.mark.parametrize("output", OUTPUTS)
async def test_completed_is_not_enough_for_any_reader(
    reader: Callable[[str, Output], Awaitable[str]], output: str
) -> None:
    """What was produced decides: good output passes, bad output fails, and where nobody can tell people are asked."""
    good, bad, unclear = READERS_OF_OUTPUT[reader]
    meanings = {"all of it": good, "no file": unclear, "a file nobody can read": unclear}
    assert await reader("Completed", OUTPUTS[output]) == meanings.get(output, bad)


@pytest.mark.parametrize("status", ["Failed", "Canceled", "NotResponding", "Running"])
@pytest.mark.parametrize("reader", [tried_model, sample, inference, published, watch])
async def test_the_output_of_a_job_that_did_not_complete_saves_nobody(
    reader: Callable[[str, Output], Awaitable[str]], status: str
) -> None:
    """Predictions that a failed job left behind are no success."""
    assert await reader(status, PREDICTED) != READERS_OF_OUTPUT[reader][0]


def test_whoever_has_to_do_with_ended_jobs_is_in_the_table() -> None:
    """And reads how they ended through `shared/domain/job_ends.py`, by no words of its own."""
    product = APP_ROOT / "shared"
    texts = {file.relative_to(product).as_posix(): file.read_text(encoding="utf-8") for file in product.rglob("*.py")}
    assert [name for name, text in texts.items() if re.search(r"not\s?responding", text, re.I)] == [
        "domain/job_ends.py"
    ]
    only_passing_on = {
        "adapters/azure_ml/command_jobs.py",  # that it cancels no job that has ended is in tests/contract/azure_ml
        "adapters/azure_ml/platform.py",
        "application/etl/load.py",
        "application/platform_ports.py",
        "application/training/advance.py",
        "application/training/effects.py",
        "application/training/ports.py",
    }
    assert {name for name, text in texts.items() if "shared.domain.job_ends import" in text} == only_passing_on | {
        "application/fleet/checks.py",
        "application/fleet/rollback.py",
        "application/online/candidate.py",
        "application/release/effects/test_runs.py",
        "application/routines/look.py",
        "domain/etl/load.py",
        "domain/routines/task.py",
        "domain/training/steps.py",
    }
