"""Messages nobody could process: their release is held and says so; a message of no release is quarantined."""

from shared.application.ids import content_digest
from shared.application.release.ports import IntakeResult, Ports
from shared.domain.release.commands import AssessAlert, Command, PublishFact
from shared.domain.release.events import Event, MessageDeadLettered

#: How often the news of a dead letter may be dead-lettered itself: with ten deliveries each, that outlasts an outage;
#: a release that cannot be read at all ends here instead of going round for ever.
ROUNDS_MAX = 3
_BODY_CHARS_MAX = 1000


async def dead_lettered(
    queue: str, message_id: str, message: Event | Command | None, reason: str, body: str, ports: Ports
) -> None:
    """`message` is None when `body` could not be read; of a quarantined body the first 1,000 characters are kept.

    A fact that could not be published does not hold its release, which goes on rightly; it is quarantined. So is the
    message of an alert, which belongs to no release: the alert itself is kept, and the sweeper sends for it again.
    """
    now = ports.clock.now()
    intake_id = f"dead-letter-{content_digest(queue, message_id, reason)}"
    rounds = message.rounds + 1 if isinstance(message, MessageDeadLettered) else 1
    if message is None or isinstance(message, PublishFact | AssessAlert) or rounds > ROUNDS_MAX:
        kept = f"{reason}: {body[:_BODY_CHARS_MAX]}"
        await ports.intake.record(intake_id, IntakeResult.QUARANTINED, queue, kept, now)
        return
    event = MessageDeadLettered(
        event_id=f"{message.release_id}-{intake_id}",
        release_id=message.release_id,
        occurred_at=now,
        queue=queue,
        message_id=message_id,
        reason=reason,
        rounds=rounds,
    )
    await ports.events.publish(event)
