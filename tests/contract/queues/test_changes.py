"""ChangeQueue on the local Service Bus: one session, one message per id, not before its time."""

from datetime import UTC, datetime, timedelta

from azure.servicebus.aio import ServiceBusClient

from shared.adapters.service_bus.changes import SESSION, ServiceBusChangeQueue
from shared.contracts.stored.changes import TakeChange, decode_take

TOMORROW = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)


async def test_changes_are_one_session_in_the_order_they_were_sent(bus: ServiceBusClient) -> None:
    """A message id counts once."""
    queue = ServiceBusChangeQueue(bus)
    for digit, message_id in (("a", "one"), ("b", "two"), ("a", "one")):
        await queue.send(digit * 40, message_id=message_id)
    await queue.send("c" * 40, message_id="three" * 50, at=TOMORROW, tries=2)

    async with bus.get_queue_receiver("changes", session_id=SESSION) as receiver:
        messages = await receiver.peek_messages(max_message_count=10)
    await queue.close()

    assert [decode_take(str(each)) for each in messages] == [
        TakeChange(change_id="a" * 40),
        TakeChange(change_id="b" * 40),
        TakeChange(change_id="c" * 40, tries=2),
    ]
    assert [each.scheduled_enqueue_time_utc for each in messages] == [None, None, TOMORROW]
