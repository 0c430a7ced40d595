"""Giving up a message of a release: the release is held and says so."""

from shared.application.release.ports import Ports
from shared.application.work.dead_letters import DeadLetter, bury
from shared.domain.release.commands import Command, PublishFact
from shared.domain.release.events import Event, MessageDeadLettered

#: How often the news of a dead letter may be dead-lettered itself: with ten deliveries each, that outlasts an outage;
#: a release that cannot be read at all ends here instead of going round for ever.
ROUNDS_MAX = 3


async def dead_lettered(dead: DeadLetter, message: Event | Command, ports: Ports) -> None:
    """A fact that could not be published does not hold its release, which goes on rightly; it is only recorded."""

    async def hold(_: str) -> None:
        rounds = message.rounds + 1 if isinstance(message, MessageDeadLettered) else 1
        if rounds > ROUNDS_MAX:
            return
        event = MessageDeadLettered(
            event_id=f"{message.release_id}-{dead.intake_id}",
            release_id=message.release_id,
            occurred_at=ports.clock.now(),
            queue=dead.queue,
            message_id=dead.message_id,
            reason=dead.reason,
            rounds=rounds,
        )
        await ports.events.publish(event)

    await bury(dead, None if isinstance(message, PublishFact) else hold, ports.intake, ports.clock)
