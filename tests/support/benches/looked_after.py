"""One piece of every kind of looked-after work, alike for whoever tries them all: how it is looked after, and what
people see of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from shared.application.alerts.looked_after import looked_after as alerts
from shared.application.changes.looked_after import looked_after as changes
from shared.application.changes.take import look_of as change
from shared.application.notifications.tell import accept_fact
from shared.application.routines.looked_after import periods_looked_after, tasks_looked_after
from shared.application.routines.start import look_of as task
from shared.application.routines.start import start, start_by_hand
from shared.application.training.looked_after import looked_after as trainings
from shared.application.training.ports import look_of as training
from shared.application.training.start import request_trainings
from shared.application.work.look import Look, LookedAfter, WorkKind
from shared.domain.release.model import Phase
from shared.domain.routines.task import Routine, TaskRef
from tests.fakes.clock import FakeClock
from tests.fakes.queues import MemoryLookQueue
from tests.support.benches.alerts import SCORING, accepted, an_alert
from tests.support.benches.changes import ChangeBench
from tests.support.benches.notifications import NotificationBench, fact_of
from tests.support.benches.release import Bench
from tests.support.benches.routines import ENGINEER, Production
from tests.support.benches.training import TrainingBench, a_request
from tests.support.repositories import Project

DAY = "2026-01-05"


@dataclass(frozen=True, kw_only=True)
class Piece:
    """One piece of work; `seen` is what people read of it: how far it is, and all that it says."""

    look: Look
    work: LookedAfter
    queue: MemoryLookQueue
    clock: FakeClock
    bench: Bench | ChangeBench | TrainingBench | Production | NotificationBench
    seen: Callable[[], Awaitable[tuple[str, str]]]


async def an_accepted_alert(folder: Path) -> Piece:
    bench = Bench()
    key = await accepted(bench, an_alert(bench, SCORING))

    async def seen() -> tuple[str, str]:
        record = bench.alert_log.records[key][0]
        return record.state.value, record.note

    look = Look(kind=WorkKind.ALERT, key=key)
    work = alerts(bench.alert_ports)
    return Piece(look=look, work=work, queue=bench.looks, clock=bench.clock, bench=bench, seen=seen)


async def an_accepted_change(folder: Path) -> Piece:
    bench = ChangeBench(Project.with_fleet(folder / "project"), folder / "cache")
    bench.project.cutoff("2025-12-20")
    head = bench.project.commit("More days (#7)")
    await bench.merged(head)

    async def seen() -> tuple[str, str]:
        record = bench.log.records[head].record
        return record.state.value, " ".join(record.notes)

    work = changes(bench.ports)
    return Piece(look=change(head), work=work, queue=bench.queue, clock=bench.clock, bench=bench, seen=seen)


async def a_training(folder: Path) -> Piece:
    bench = TrainingBench()
    [run_id] = await request_trainings([a_request()], bench.ports)

    async def seen() -> tuple[str, str]:
        run = bench.run(run_id)
        return run.phase.value, f"{run.waits_for} {run.failure}"

    work = trainings(bench.ports)
    return Piece(look=training(run_id), work=work, queue=bench.queue, clock=bench.clock, bench=bench, seen=seen)


async def a_task(folder: Path) -> Piece:
    bench = Production()
    await start(Routine.INFERENCE, DAY, bench.ports)
    ref = TaskRef(routine=Routine.INFERENCE, period=DAY, circuit="P001-C001")

    async def seen() -> tuple[str, str]:
        found = bench.tasks.tasks[ref][0]
        return found.state.value, f"try {found.attempt}: {found.detail} {' '.join(found.alerts)}"

    work = tasks_looked_after(bench.ports)
    return Piece(look=task(ref), work=work, queue=bench.queue, clock=bench.clock, bench=bench, seen=seen)


async def a_period(folder: Path) -> Piece:
    bench = Production()
    await start_by_hand(Routine.INFERENCE, DAY, ENGINEER, bench.ports)

    async def seen() -> tuple[str, str]:
        return "begun" if (Routine.INFERENCE, DAY) in bench.tasks.making else "", ""

    look = Look(kind=WorkKind.PERIOD, key=f"inference/{DAY}")
    work = periods_looked_after(bench.ports)
    return Piece(look=look, work=work, queue=bench.queue, clock=bench.clock, bench=bench, seen=seen)


async def a_fact(folder: Path) -> Piece:
    bench = NotificationBench()
    await accept_fact(fact_of(bench.at(Phase.HELD)), bench.ports)
    [key] = bench.log.notices

    async def seen() -> tuple[str, str]:
        notice = bench.log.notices[key][0]
        return notice.state.value, notice.note

    look, work = Look(kind=WorkKind.NOTICE, key=key), bench.looked_after(WorkKind.NOTICE)
    return Piece(look=look, work=work, queue=bench.looks, clock=bench.clock, bench=bench, seen=seen)


async def a_message(folder: Path) -> Piece:
    fact = await a_fact(folder)
    await fact.work.look(fact.look)
    bench = fact.bench
    assert isinstance(bench, NotificationBench)
    [key] = bench.log.deliveries

    async def seen() -> tuple[str, str]:
        delivery = bench.log.deliveries[key][0]
        return delivery.state.value, delivery.note

    look, work = Look(kind=WorkKind.DELIVERY, key=key), bench.looked_after(WorkKind.DELIVERY)
    return Piece(look=look, work=work, queue=bench.looks, clock=bench.clock, bench=bench, seen=seen)


PIECES: dict[WorkKind, Callable[[Path], Awaitable[Piece]]] = {
    WorkKind.ALERT: an_accepted_alert,
    WorkKind.CHANGE: an_accepted_change,
    WorkKind.TRAINING: a_training,
    WorkKind.TASK: a_task,
    WorkKind.PERIOD: a_period,
    WorkKind.NOTICE: a_fact,
    WorkKind.DELIVERY: a_message,
}
