"""One pause after a fault, whoever is put off: events, commands, looks of every kind, a run's own faults."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.application.errors import (
    PlatformErrored,
    PlatformOutcomeUnknown,
    PlatformThrottled,
    PortError,
    TransientFault,
)
from shared.application.release.try_later import try_later
from shared.application.routines.look import look as look_at_task
from shared.application.routines.start import start
from shared.application.training.advance import advance
from shared.application.training.start import request_trainings
from shared.application.work.look import Look, look_at
from shared.application.work.pause import TRIES_MAX, follow_up, pause_s, tries_due, try_id
from shared.domain.routines.task import Routine, TaskState
from tests.support.benches.looked_after import DAY, Piece
from tests.support.benches.release import Bench
from tests.support.benches.routines import Production
from tests.support.benches.training import TrainingBench, a_request
from tests.support.builders import NOW, a_command, an_event


def busy(retry_after_s: float) -> PlatformThrottled:
    return PlatformThrottled("too many requests", retry_after_s=retry_after_s)


#: An error, and the pauses in seconds before the tries 1, 2, 3, 7 and 16 after it.
TRIES = (1, 2, 3, 7, 16)
TABLE: list[tuple[PortError, tuple[float, ...]]] = [
    (TransientFault("no answer"), (5, 10, 20, 300, 300)),
    (PlatformErrored("a fault"), (5, 10, 20, 300, 300)),
    (PlatformOutcomeUnknown("no answer"), (5, 10, 20, 300, 300)),
    (busy(0), (1, 2, 4, 64, 300)),
    (busy(17), (17, 17, 17, 64, 300)),
    (busy(600), (600, 600, 600, 600, 600)),
    (busy(36_000), (3600, 3600, 3600, 3600, 3600)),
]
CASES = [
    pytest.param(error, tries, pause, id=f"{error} {getattr(error, 'retry_after_s', '')}, try {tries}")
    for error, pauses in TABLE
    for tries, pause in zip(TRIES, pauses, strict=True)
]


@pytest.mark.parametrize(("error", "tries", "pause"), CASES)
def test_the_rule(error: PortError, tries: int, pause: float) -> None:
    assert pause_s(tries, error) == pause


def after(sent: datetime | None, now: datetime) -> float:
    assert sent is not None
    return (sent - now).total_seconds()


@pytest.mark.parametrize(("error", "tries", "pause"), CASES)
async def test_events_and_commands_wait_so(bench: Bench, error: PortError, tries: int, pause: float) -> None:
    await try_later(an_event(), try_id("m", tries - 1), error, bench.ports)
    await try_later(a_command(), try_id("m", tries - 1), error, bench.ports)
    waits = [(key, after(at, NOW)) for key, _, at in (*bench.events.sent, *bench.commands.sent)]
    assert waits == [(f"m-try-{tries}", pause)] * 2


@pytest.mark.parametrize(("error", "tries", "pause"), CASES)
async def test_looks_of_every_kind_wait_so(piece: Piece, error: PortError, tries: int, pause: float) -> None:
    """The follow-up is the same look, on the queue of its kind."""
    await look_at(piece.look, try_id("m", tries - 1), replace(piece.work, look=raising(error)))
    ((look, message_id, at),) = [(each.look, each.message_id, each.at) for each in piece.queue.sent]
    assert (look, message_id, after(at, piece.clock.now())) == (piece.look, f"m-try-{tries}", pause)


def raising(error: Exception) -> Callable[[Look], Awaitable[None]]:
    async def look(_: Look) -> None:
        raise error

    return look


@pytest.mark.parametrize(("error", "tries", "pause"), CASES)
async def test_the_faults_that_a_training_run_counts_itself_wait_so(error: PortError, tries: int, pause: float) -> None:
    bench = TrainingBench()
    [run_id] = await request_trainings([a_request()], bench.ports)
    run, number = bench.runs.runs[run_id]
    far = bench.clock.now() + timedelta(days=30)
    bench.runs.runs[run_id] = (replace(run, faults=tries - 1, deadline_at=far), number)
    bench.platform.faults["register_data"] = error
    await advance(run_id, bench.ports)
    assert after(bench.run(run_id).look_at, bench.clock.now()) == pause


@pytest.mark.parametrize(("retry_after_s", "wait_s"), [(1, 60), (90, 90), (36_000, 3600)])
async def test_a_start_that_is_throttled_waits_for_the_service_or_the_next_look(
    retry_after_s: float, wait_s: float
) -> None:
    """Whichever is later: a look comes anyway. No service is waited for longer than an hour."""
    production = Production()
    await start(Routine.INFERENCE, DAY, production.ports)
    task = await production.task(Routine.INFERENCE, DAY)
    production.platform.faults = [busy(retry_after_s)]
    await look_at_task(task.ref, production.ports)
    task = await production.task(Routine.INFERENCE, DAY)
    assert task.state is TaskState.RUNNING
    assert after(task.look_at, production.clock.now()) == wait_s


def test_the_tries_of_a_message_span_an_hour() -> None:
    """Then the work is given up, or the message is dead-lettered."""
    span_s = sum(pause_s(tries) for tries in range(1, TRIES_MAX + 1))
    assert 3000 < span_s < 3600
    assert follow_up(try_id("m", TRIES_MAX), TransientFault("no answer"), NOW) is None


@pytest.mark.parametrize(("age_s", "due"), [(0, 0), (4.9, 0), (5, 1), (14.9, 1), (15, 2), (35, 3), (10**9, TRIES_MAX)])
def test_the_follow_up_that_is_due_follows_from_the_age(age_s: float, due: int) -> None:
    """The sweep takes a chain up where it broke."""
    assert tries_due(age_s) == due
