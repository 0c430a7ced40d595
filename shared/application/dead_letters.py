"""Messages nobody could process: their release is held and says so; a message of no release is quarantined."""

from shared.application.ids import content_digest
from shared.application.ports import IntakeResult, Ports
from shared.domain.events import MessageDeadLettered


async def dead_lettered(
    queue: str, message_id: str, release_id: str | None, reason: str, body: str, ports: Ports
) -> None:
    """`release_id` is None when the message could not be read; then its first 1,000 characters are kept."""
    now = ports.clock.now()
    intake_id = f"dead-letter-{content_digest(queue, message_id, reason)}"
    if release_id is None:
        await ports.intake.record(intake_id, IntakeResult.QUARANTINED, queue, f"{reason}: {body[:1000]}", now)
        return
    event = MessageDeadLettered(
        event_id=f"{release_id}-{intake_id}",
        release_id=release_id,
        occurred_at=now,
        queue=queue,
        message_id=message_id,
        reason=reason,
    )
    await ports.events.publish(event)
