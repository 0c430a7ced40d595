"""What daily inference and the checks find is reported for a decision, by the record it comes from."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from shared.application.errors import TransientFault
from shared.application.ports import Measured
from shared.application.routines.start import start
from shared.domain.routines.task import Routine
from tests.fakes.clock import FakeClock
from tests.fakes.platform import PREDICTED
from tests.support.benches.routines import CIRCUITS, Production

DAY, MONTH = "2026-01-05", "2025-12"
JOB = f"inference-{DAY}-p001-c001-1"


@pytest.fixture
def production() -> Production:
    return Production()


@pytest.mark.parametrize(("status", "rule"), [("Failed", "batch-job-failure"), ("NotResponding", "batch-job-not-run")])
async def test_a_failed_job_is_a_finding_and_one_whose_node_was_gone_is_another(
    production: Production, status: str, rule: str
) -> None:
    """The second says nothing about what production runs."""
    production.platform.statuses[JOB] = status
    await start(Routine.INFERENCE, DAY, production.ports)
    await production.go_on()
    [finding] = production.findings.findings.values()
    assert (finding.rule, finding.severity, finding.circuit) == (rule, 1, "P001/C001")
    assert (finding.finding_id, finding.record) == (
        f"batch-job-failure-inference-{DAY}-p001-c001-1",
        f"task inference-{DAY}-p001-c001, try 1",
    )
    assert finding.measured == (Measured(measure="failed_jobs", value=1.0, bound=0.0),)
    assert finding.found_at == (await production.task(Routine.INFERENCE, DAY)).ends[0].ended_at


async def test_output_of_no_use_is_a_finding_about_what_production_runs(production: Production) -> None:
    """The job completed, and what it predicted are no numbers: that is a failed job, and not one that never ran."""
    production.models.predicted_by = {"P001-C001": replace(PREDICTED, no_numbers=1)}
    await start(Routine.INFERENCE, DAY, production.ports)
    await production.go_on()
    found = [each.rule for each in production.findings.findings.values()]
    assert found == ["batch-job-failure"] * 3 + ["predictions-missing"]


async def test_a_day_without_predictions_is_a_finding_beside_its_failed_jobs(production: Production) -> None:
    production.models.job_status = "Failed"
    await start(Routine.INFERENCE, DAY, production.ports)
    await production.go_on()
    found = [each.rule for each in production.findings.findings.values() if each.circuit == "P001/C001"]
    assert found == ["batch-job-failure"] * 3 + ["predictions-missing"]


async def test_degradation_is_a_finding_of_its_month_with_its_numbers() -> None:
    """The check runs on the 1st or later: what changed after the month is not what it speaks against."""
    production = Production(clock=FakeClock(datetime(2026, 1, 2, 6, tzinfo=UTC)))
    for circuit in CIRCUITS:
        production.predict(circuit, date(2025, 12, 1), 31)
        production.platform.reports[circuit] = {"mae": 0.3, "rmse": 0.1, "rows": 700, "days": 31, "inconclusive": ""}
    await start(Routine.PERFORMANCE, MONTH, production.ports)
    await production.go_on()
    [finding] = [each for each in production.findings.findings.values() if each.circuit == "P001/C001"]
    assert (finding.rule, finding.severity) == ("model-performance-degradation", 2)
    assert finding.measured == (Measured(measure="mae", value=0.3, bound=0.25),)
    assert finding.found_at.isoformat() == "2026-01-01T00:00:00+00:00"


async def test_a_finding_that_cannot_be_kept_is_reported_later_and_told_with_it(production: Production) -> None:
    production.platform.statuses[JOB] = "Failed"
    production.findings.faults = [TransientFault("the table does not answer")]
    await start(Routine.INFERENCE, DAY, production.ports)
    await production.go_on()
    assert [each.rule for each in production.findings.findings.values()] == ["batch-job-failure"]
    assert production.alerts() == [("batch-job-failure", "P001-C001")]
