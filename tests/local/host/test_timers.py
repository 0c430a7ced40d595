"""Timers run when due, once at a time, make up for a missed run, and survive what the function does."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from local.host.functions import RetryPolicy
from local.host.lease import Lease
from local.host.protos import TypedData
from local.host.schedule import Schedule
from local.host.timers import StatusFile, Timer, TimerStatus
from local.host.worker import Attempt

NOON = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)


class ManualClock:
    """A clock that only the test moves."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._sleepers: list[tuple[datetime, asyncio.Event]] = []

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        self._sleepers.append((self._now + timedelta(seconds=seconds), woken))
        await woken.wait()

    async def advance(self, seconds: float) -> None:
        """Pass time; everyone due on the way wakes at their own moment."""
        await _settle()
        end = self._now + timedelta(seconds=seconds)
        while due := [sleeper for sleeper in self._sleepers if sleeper[0] <= end]:
            sleeper = min(due, key=lambda item: item[0])
            self._sleepers.remove(sleeper)
            self._now = max(self._now, sleeper[0])
            sleeper[1].set()
            await _settle()
        self._now = end


async def _settle() -> None:
    """Let everything that can run do so."""
    for _ in range(20):
        await asyncio.sleep(0)


class Recorder:
    """The function behind a timer: remembers its runs and does what the test asks."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.runs: list[tuple[str, dict[str, Any]]] = []
        self.attempts: list[int] = []
        self.takes_s = 0.0
        self.succeeds: Callable[[], bool] = lambda: True

    async def __call__(self, data: TypedData, attempt: Attempt) -> bool:
        self.runs.append((self._clock.now().strftime("%H:%M:%S"), json.loads(data.value)))
        self.attempts.append(attempt.retry_count)
        if self.takes_s:
            await self._clock.sleep(self.takes_s)
        return self.succeeds()

    @property
    def times(self) -> list[str]:
        return [moment for moment, _ in self.runs]


@asynccontextmanager
async def ticking(
    clock: ManualClock, run: Recorder, expression: str, status: Path | None = None, **options: Any
) -> AsyncIterator[None]:
    with tempfile.TemporaryDirectory() as directory:
        timer = Timer(
            name="tick",
            schedule=Schedule(expression),
            run_once=run,
            clock=clock,
            status_file=StatusFile(status) if status else None,
            **{"lease": Lease(Path(directory) / "tick.lock"), **options},
        )
        task = asyncio.create_task(timer.run())
        try:
            await _settle()
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_a_timer_runs_at_every_occurrence() -> None:
    """And not before the first one."""
    clock = ManualClock(NOON)
    run = Recorder(clock)
    async with ticking(clock, run, "0 */5 * * * *"):
        assert run.times == []
        await clock.advance(15 * 60)
    assert run.times == ["12:05:00", "12:10:00", "12:15:00"]


async def test_a_timer_can_run_at_startup() -> None:
    """run_on_startup adds a run that is not past due."""
    clock = ManualClock(NOON)
    run = Recorder(clock)
    async with ticking(clock, run, "0 */5 * * * *", run_on_startup=True):
        await clock.advance(60)
    assert run.times == ["12:00:00"]
    assert run.runs[0][1]["IsPastDue"] is False


async def test_a_missed_run_is_made_up_once_after_a_restart(tmp_path: Path) -> None:
    """Two hours of down time make one past-due run, not twenty-four."""
    status = tmp_path / "timers" / "tick.json"
    before, after = ManualClock(NOON), ManualClock(NOON + timedelta(hours=2, seconds=7))
    first, second = Recorder(before), Recorder(after)
    async with ticking(before, first, "0 */5 * * * *", status):
        await before.advance(5 * 60)
    async with ticking(after, second, "0 */5 * * * *", status):
        await after.advance(5 * 60)
    assert second.times == ["14:00:07", "14:05:00"]
    assert [document["IsPastDue"] for _, document in second.runs] == [True, False]
    assert second.runs[0][1]["ScheduleStatus"]["Next"] == "2026-11-20T12:10:00+00:00"
    assert second.runs[0][1]["ScheduleStatus"]["Last"] == "2026-11-20T12:05:00+00:00"


async def test_a_restart_in_time_runs_nothing_extra(tmp_path: Path) -> None:
    """The stored occurrence is still ahead."""
    status = tmp_path / "tick.json"
    clock = ManualClock(NOON)
    run = Recorder(clock)
    for _ in range(2):
        async with ticking(clock, run, "0 */5 * * * *", status):
            await clock.advance(60)
    assert run.times == []


async def test_a_changed_schedule_makes_up_its_own_runs_only(tmp_path: Path) -> None:
    """The old schedule was due meanwhile, the new one was not."""
    status = tmp_path / "tick.json"
    stored = TimerStatus(last=NOON, next=NOON + timedelta(minutes=5), updated=NOON)
    StatusFile(status).write(stored)
    clock = ManualClock(NOON + timedelta(minutes=30))
    run = Recorder(clock)
    async with ticking(clock, run, "0 0 * * * *", status):
        await clock.advance(29 * 60)
        assert run.times == []
        await clock.advance(60)
    assert run.times == ["13:00:00"]


async def test_a_schedule_that_became_more_frequent_makes_nothing_up(tmp_path: Path) -> None:
    """It was monthly until this start, so that no daily run was missed."""
    status = tmp_path / "tick.json"
    month = datetime(2026, 11, 1, tzinfo=UTC)
    StatusFile(status).write(TimerStatus(last=month, next=datetime(2026, 12, 1, tzinfo=UTC), updated=month))
    clock = ManualClock(NOON)
    run = Recorder(clock)
    async with ticking(clock, run, "0 0 0 * * *", status):
        await clock.advance(11 * 3600)
        assert run.times == []
        await clock.advance(3600)
    assert run.times == ["00:00:00"]
    seen = run.runs[0][1]
    assert (seen["IsPastDue"], seen["ScheduleStatus"]["Last"][:4]) == (False, "0001")


async def test_a_changed_schedule_is_settled_by_the_first_start(tmp_path: Path) -> None:
    """What a second start misses of it is past due again."""
    status = tmp_path / "tick.json"
    month = datetime(2026, 11, 1, tzinfo=UTC)
    StatusFile(status).write(TimerStatus(last=month, next=datetime(2026, 12, 1, tzinfo=UTC), updated=month))
    for start, expected in ((NOON, []), (NOON + timedelta(days=1), ["12:00:00"])):
        clock = ManualClock(start)
        run = Recorder(clock)
        async with ticking(clock, run, "0 0 0 * * *", status):
            await clock.advance(60)
        assert run.times == expected


async def test_a_damaged_status_file_starts_anew(tmp_path: Path) -> None:
    """It must not keep the host from starting."""
    status = tmp_path / "tick.json"
    status.write_text("{")
    clock = ManualClock(NOON)
    run = Recorder(clock)
    async with ticking(clock, run, "0 */5 * * * *", status):
        await clock.advance(5 * 60)
    assert run.times == ["12:05:00"]


async def test_runs_never_overlap() -> None:
    """A run of twelve minutes sleeps through occurrences: one of them follows at once, the others do not."""
    clock = ManualClock(NOON)
    run = Recorder(clock)
    run.takes_s = 12 * 60
    async with ticking(clock, run, "0 */5 * * * *"):
        await clock.advance(45 * 60)
    assert run.times == ["12:05:00", "12:17:00", "12:29:00", "12:41:00"]


async def test_a_timer_that_takes_longer_than_its_interval_never_rests() -> None:
    """Each minute, 90 seconds: the next occurrence is counted from the start of a run."""
    clock = ManualClock(NOON)
    run = Recorder(clock)
    run.takes_s = 90
    async with ticking(clock, run, "0 * * * * *"):
        await clock.advance(5 * 60)
    assert run.times == ["12:01:00", "12:02:30", "12:04:00"]


async def test_failures_do_not_stop_the_schedule() -> None:
    """Without @app.retry a failed run is simply over."""
    clock = ManualClock(NOON)
    run = Recorder(clock)
    run.succeeds = lambda: False
    async with ticking(clock, run, "0 */5 * * * *"):
        await clock.advance(10 * 60)
    assert run.times == ["12:05:00", "12:10:00"]


async def test_a_retry_policy_repeats_a_failed_run_and_counts() -> None:
    """Exponential: 10 s, then 20 s, and no further than the limit of three."""
    clock = ManualClock(NOON)
    run = Recorder(clock)
    run.succeeds = lambda: False
    retry = RetryPolicy(max_retry_count=3, shortest=timedelta(seconds=10), longest=timedelta(seconds=25))
    async with ticking(clock, run, "0 */5 * * * *", retry=retry):
        await clock.advance(6 * 60)
    assert run.times == ["12:05:00", "12:05:10", "12:05:30", "12:05:55"]
    assert run.attempts == [0, 1, 2, 3]


async def test_of_two_hosts_one_runs_a_timer_and_the_other_takes_over(tmp_path: Path) -> None:
    """As instances of one app do; the one that waits looks every second."""
    clock = ManualClock(NOON)
    first, second = Recorder(clock), Recorder(clock)
    lock, status = tmp_path / "tick.lock", tmp_path / "tick.json"
    async with AsyncExitStack() as waiting:
        async with ticking(clock, first, "0 * * * * *", status, lease=Lease(lock)):
            await waiting.enter_async_context(ticking(clock, second, "0 * * * * *", status, lease=Lease(lock)))
            await clock.advance(61)
        await clock.advance(120)
    assert (first.times, second.times) == (["12:01:00"], ["12:02:00", "12:03:00"])
