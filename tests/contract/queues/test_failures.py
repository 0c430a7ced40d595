"""What the queues do when the bus is away: a transient fault, and a new link once it is back."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.servicebus.aio import ServiceBusClient

from shared.adapters.service_bus.link import ServiceBusCommandQueue, ServiceBusEventQueue
from shared.application.errors import TransientFault
from tests.support.builders import a_command, an_event
from tests.support.processes import Part, running


@pytest.fixture
def part(tmp_path: Path) -> Iterator[Part]:
    """A bus of the test's own, to be stopped and started."""
    with running("local.servicebus", "--data", str(tmp_path / "data"), log=tmp_path / "log") as part:
        yield part


def client_of(part: Part) -> ServiceBusClient:
    address = (
        f"Endpoint=sb://127.0.0.1:{part.port};SharedAccessKeyName=RootManageSharedAccessKey;"
        "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
    )
    return ServiceBusClient.from_connection_string(address, retry_total=0)


async def test_a_bus_that_goes_away_and_comes_back_is_used_again(part: Part) -> None:
    """The kept link is given up after a failure, and nothing foreign leaves the adapter."""
    async with client_of(part) as bus:
        events, commands = ServiceBusEventQueue(bus), ServiceBusCommandQueue(bus)
        await events.publish(an_event(1))
        await commands.send(a_command(1))
        part.kill()
        with pytest.raises(TransientFault, match=r"LookDue .* to release-events"):
            await events.publish(an_event(2))
        with pytest.raises(TransientFault, match=r"PublishFact .* to effects"):
            await commands.send(a_command(2))
        part.start_again()
        await events.publish(an_event(2))
        await commands.send(a_command(2))
        async with bus.get_queue_receiver("effects") as receiver:
            messages = await receiver.peek_messages(max_message_count=10)
        assert [message.message_id for message in messages] == [a_command(1).command_id, a_command(2).command_id]
        await events.close()
        await commands.close()


async def test_a_queue_that_does_not_exist_is_a_transient_fault(bus: ServiceBusClient) -> None:
    """It may be made later; the message comes back until then."""
    missing = ServiceBusCommandQueue(bus, f"missing-{uuid.uuid4().hex[:8]}")
    with pytest.raises(TransientFault, match="missing-"):
        await missing.send(a_command(1))
