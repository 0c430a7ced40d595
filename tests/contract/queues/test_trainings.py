"""TrainingQueue on the local Service Bus: a session per run, ids that count once, looks that wait."""

from datetime import UTC, datetime, timedelta

from azure.servicebus.aio import ServiceBusClient

from shared.adapters.service_bus.trainings import ServiceBusTrainingQueue
from shared.contracts.stored.training import decode_look


async def test_a_look_waits_in_the_session_of_its_run_and_counts_once(bus: ServiceBusClient) -> None:
    """Sent twice under one id, and once for later."""
    queue, later = ServiceBusTrainingQueue(bus), datetime.now(UTC) + timedelta(hours=1)
    await queue.look("train-queue-1", "train-queue-1-asked")
    await queue.look("train-queue-1", "train-queue-1-asked")
    await queue.look("train-queue-1", "train-queue-1-4", later, 4)
    async with bus.get_queue_receiver("trainings", session_id="train-queue-1") as receiver:
        messages = await receiver.receive_messages(max_message_count=10, max_wait_time=2)
        waiting = await receiver.peek_messages(max_message_count=10)
        assert [decode_look(b"".join(each.body)) for each in messages] == [("train-queue-1", None)]
        for each in messages:
            await receiver.complete_message(each)
    scheduled = [each for each in waiting if each.message_id == "train-queue-1-4"]
    assert [decode_look(b"".join(each.body)) for each in scheduled] == [("train-queue-1", 4)]
    assert scheduled[0].scheduled_enqueue_time_utc is not None
    await queue.close()
