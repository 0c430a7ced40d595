"""LookQueue, in memory and on the local Service Bus: a look arrives as it was, once per message id, not before its
time, and in the session of its kind."""

import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from azure.servicebus.aio import ServiceBusClient

from shared.adapters.service_bus.looks import ServiceBusLookQueue, session_of
from shared.application.work.look import Look, LookQueue, WorkKind
from shared.contracts.looks import look_of
from tests.fakes.queues import MemoryLookQueue

Sent = list[tuple[str, Look, datetime | None]]
#: Far enough ahead that it does not come while the test runs; whole seconds, because the bus keeps milliseconds.
TOMORROW = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
QUEUE_OF = {
    WorkKind.ALERT: "effects",
    WorkKind.CHANGE: "changes",
    WorkKind.TRAINING: "trainings",
    WorkKind.TASK: "routines",
    WorkKind.PERIOD: "routines",
    WorkKind.NOTICE: "notifications",
    WorkKind.DELIVERY: "notifications",
}
LOOKS = {
    WorkKind.ALERT: Look(kind=WorkKind.ALERT, key=uuid.uuid4().hex),
    WorkKind.CHANGE: Look(kind=WorkKind.CHANGE, key="a" * 40),
    WorkKind.TRAINING: Look(kind=WorkKind.TRAINING, key=f"train-{uuid.uuid4().hex[:8]}", serial=4),
    WorkKind.TASK: Look(kind=WorkKind.TASK, key="inference/2026-01-05/P001-C001"),
    WorkKind.PERIOD: Look(kind=WorkKind.PERIOD, key="drift/2025-q4/again"),
    WorkKind.NOTICE: Look(kind=WorkKind.NOTICE, key=uuid.uuid4().hex),
    WorkKind.DELIVERY: Look(kind=WorkKind.DELIVERY, key=uuid.uuid4().hex),
}


@dataclass(frozen=True)
class Looks:
    """A queue, and what it holds of the messages whose id begins so."""

    queue: LookQueue
    sent: Callable[[str], Awaitable[Sent]]


def in_memory() -> Looks:
    queue = MemoryLookQueue()

    async def sent(beginning: str) -> Sent:
        return [(each.message_id, each.look, each.at) for each in queue.sent if each.message_id.startswith(beginning)]

    return Looks(queue, sent)


def on_the_bus(bus: ServiceBusClient, look: Look) -> Looks:
    async def sent(beginning: str) -> Sent:
        session = {"session_id": session_of(look)} if session_of(look) else {}
        async with bus.get_queue_receiver(QUEUE_OF[look.kind], **session) as receiver:
            messages = await receiver.peek_messages(max_message_count=50)
        found = [(str(each.message_id), look_of(str(each)), each.scheduled_enqueue_time_utc) for each in messages]
        return [(key, each, at) for key, each, at in found if key.startswith(beginning) and each]

    return Looks(ServiceBusLookQueue(bus, QUEUE_OF[look.kind]), sent)


@pytest.fixture(params=WorkKind)
def look(request: pytest.FixtureRequest) -> Look:
    """One of every kind."""
    return LOOKS[request.param]


@pytest.fixture(params=["memory", "bus"])
def looks(request: pytest.FixtureRequest, look: Look) -> Looks:
    """Each test runs on both, on the queue that the look rides."""
    return in_memory() if request.param == "memory" else on_the_bus(request.getfixturevalue("bus"), look)


async def test_a_look_arrives_as_it_was_once_per_id_and_not_before_its_time(looks: Looks, look: Look) -> None:
    name = f"{look.kind.value}-{uuid.uuid4().hex[:8]}"
    for _ in range(2):
        await looks.queue.send(look, f"{name}-1")
        await looks.queue.send(look, f"{name}-2", at=TOMORROW)

    assert await looks.sent(name) == [(f"{name}-1", look, None), (f"{name}-2", look, TOMORROW)]


@pytest.mark.parametrize(
    ("kind", "session"),
    [
        (WorkKind.ALERT, None),
        (WorkKind.CHANGE, "changes"),
        (WorkKind.TRAINING, LOOKS[WorkKind.TRAINING].key),
        (WorkKind.TASK, None),
        (WorkKind.PERIOD, None),
        (WorkKind.NOTICE, None),
        (WorkKind.DELIVERY, None),
    ],
    ids=list(WorkKind),  # the same whenever it is collected: keys are drawn
)
def test_changes_are_one_session_each_run_its_own_and_the_rest_has_none(kind: WorkKind, session: str | None) -> None:
    assert session_of(LOOKS[kind]) == session


async def test_a_message_says_what_it_is(bus: ServiceBusClient) -> None:
    """For whoever looks into the queue."""
    look = Look(kind=WorkKind.TRAINING, key=f"train-{uuid.uuid4().hex[:8]}")
    queue = ServiceBusLookQueue(bus, "trainings")
    await queue.send(look, f"{look.key}-asked")
    async with bus.get_queue_receiver("trainings", session_id=look.key) as receiver:
        (message,) = await receiver.peek_messages()
    await queue.close()

    said = (message.subject, message.correlation_id, message.content_type, message.session_id)
    assert said == ("Look training", look.key, "application/json", look.key)
