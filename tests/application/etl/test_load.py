"""Every three hours: one load per window, and people hear of the one before if it was not well."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.application.errors import PlatformErrored, TransientFault
from shared.application.etl.load import LoadPlan, LoadPorts, run_window
from shared.domain.etl.load import LoadSummary
from tests.fakes.clock import FakeClock
from tests.fakes.facts import MemoryFactPublisher, MemoryFindingLog
from tests.fakes.loads import MemoryLoadPlatform

NOW = datetime(2025, 12, 9, 6, 0, 1, tzinfo=UTC)
THIS, LAST = "sensor-etl-20251209t0600z", "sensor-etl-20251209t0300z"
PLAN = LoadPlan(
    environment="azureml://registries/mlregistry-shared/environments/custom-tf-env/versions/1.5.0",
    compute="cpu-cluster",
    raw_uri="azureml://datastores/sensor_lake/paths/raw/",
    table="/lake/processed/sensor_data",
    features=("temperature",),
    job_limit_s=7200,
)


class Bench:
    """The use case on fakes; the window before is clean unless a test says otherwise."""

    def __init__(self) -> None:
        self.platform, self.facts, self.clock = MemoryLoadPlatform(), MemoryFactPublisher(), FakeClock(NOW)
        self.findings = MemoryFindingLog()
        self.platform.end(LAST, summary=LoadSummary())
        self.ports = LoadPorts(
            clock=self.clock, platform=self.platform, facts=self.facts, findings=self.findings, plan=PLAN
        )


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_a_window_gets_one_load_however_often_the_timer_fires(bench: Bench) -> None:
    """Late, early or twice."""
    for moment in (NOW, NOW - timedelta(seconds=2), NOW + timedelta(hours=2, minutes=50), NOW):
        bench.clock.time = moment
        assert await run_window(bench.ports) == THIS
    assert bench.platform.submitted == {THIS: PLAN}
    assert bench.facts.facts == {}


async def test_a_failed_window_raises_an_alert_once_and_the_next_load_runs_all_the_same(bench: Bench) -> None:
    bench.platform.end(LAST, "Failed", LoadSummary(problems=("the closed day 2025-12-07 has changed",)))
    for _ in range(2):
        await run_window(bench.ports)
    [finding] = bench.findings.findings.values()
    assert (finding.rule, finding.severity, finding.record) == ("sensor-etl", 1, f"job {LAST}")
    [(fact_id, (kind, subject, data))] = bench.facts.facts.items()
    assert (fact_id, kind, subject) == (f"{LAST}-failed", "switchyard.alert.raised", f"etl/{LAST}")
    assert data == {
        "rule": "sensor-etl",
        "severity": "1",
        "job_name": LAST,
        "window": "2025-12-09T03:00:00+00:00",
        "end": "failed",
        "reason": "the load ended as Failed: the closed day 2025-12-07 has changed",
    }
    assert THIS in bench.platform.submitted


async def test_a_window_nobody_loaded_is_told_of(bench: Bench) -> None:
    """The app was down for a while. What it missed is loaded by this window's load."""
    del bench.platform.statuses[LAST]
    await run_window(bench.ports)
    [(_, _, data)] = bench.facts.facts.values()
    assert data["end"] == "missing"
    assert list(bench.platform.submitted) == [THIS]


async def test_a_load_that_is_still_running_does_not_hold_up_the_next(bench: Bench) -> None:
    """Two at once are safe."""
    bench.platform.end(LAST, "Running")
    bench.platform.summaries.clear()
    await run_window(bench.ports)
    [(_, _, data)] = bench.facts.facts.values()
    assert data["end"] == "late"
    assert THIS in bench.platform.submitted


async def test_an_alert_that_reached_nobody_is_raised_again_when_the_host_tries_again(bench: Bench) -> None:
    """Only the next window tells of this one, so the news would be lost; the load itself is there already."""
    bench.platform.end(LAST, "Failed")
    bench.facts.faults = [TransientFault("the topic does not answer")]
    with pytest.raises(TransientFault):
        await run_window(bench.ports)
    assert list(bench.platform.submitted) == [THIS]
    await run_window(bench.ports)
    assert list(bench.facts.facts) == [f"{LAST}-failed"]


async def test_a_load_that_cannot_be_submitted_is_tried_again_by_the_host(bench: Bench) -> None:
    bench.platform.broken = True
    with pytest.raises(PlatformErrored):
        await run_window(bench.ports)
    bench.platform.broken = False
    assert await run_window(bench.ports) == THIS
