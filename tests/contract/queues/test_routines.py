"""RoutineQueue on the local Service Bus, and its messages: an id counts once, and what was meant is what arrives."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from azure.servicebus.aio import ServiceBusClient

from shared.adapters.service_bus.routines import ServiceBusRoutineQueue
from shared.contracts.stored.releases import StoredFormError
from shared.contracts.stored.routines import decode, dump, encode, load
from shared.domain.routines.task import JobEnd, PeriodWish, Routine, Task, TaskRef
from tests.contract.tables.test_task_store import TASK

REF = TaskRef(routine=Routine.INFERENCE, period="2026-01-05", circuit="P001-C001")
WISH = PeriodWish(routine=Routine.DRIFT, period="2025-q4", again=True)


@pytest.mark.parametrize("message", [REF, WISH, PeriodWish(routine=Routine.PERFORMANCE, period="2024-02")])
def test_a_message_reads_back_as_it_was(message: TaskRef | PeriodWish) -> None:
    assert decode(encode(message)) == message


async def test_messages_arrive_once_and_not_before_their_time(bus: ServiceBusClient) -> None:
    """The queue is that of local/servicebus/queues.json, with duplicate detection and without sessions."""
    queue = ServiceBusRoutineQueue(bus)
    later = datetime.now(UTC) + timedelta(minutes=5)
    for _ in range(2):
        await queue.look(REF, "look-1")
        await queue.make(WISH, "make-1")
        await queue.look(REF, "look-2", at=later)
    async with bus.get_queue_receiver("routines", max_wait_time=1) as receiver:
        arrived = await receiver.receive_messages(max_message_count=10, max_wait_time=2)
        found = [decode(b"".join(each.body)) for each in arrived]
        for each in arrived:
            await receiver.complete_message(each)
        found += [decode(b"".join(each.body)) async for each in receiver]
    await queue.close()
    assert sorted(found, key=str) == sorted([REF, WISH], key=str)


@pytest.mark.parametrize(
    "text", ["", "{}", '{"v": 2, "data": {}}', '{"v": 1, "data": {"routine": "inference"}}', "[1]"]
)
def test_a_stored_task_of_another_form_is_refused(text: str) -> None:
    """Nothing may act on what another version wrote."""
    assert load(Task, dump(TASK)) == TASK
    with pytest.raises(StoredFormError):
        load(Task, text)


@pytest.mark.parametrize("kind", ["completed", "failed", "not_started", "cancelled", "no_job"])
def test_ends_that_were_recorded_before_a_job_could_be_broken_are_still_read(kind: str) -> None:
    """Rows are kept for as long as a watch may ask for them."""
    row = {"attempt": 1, "job_name": "inference-1", "kind": kind, "ended_at": "2026-01-06T04:00:00Z", "detail": "x"}
    assert load(JobEnd, json.dumps({"v": 1, "data": row})).kind == kind
