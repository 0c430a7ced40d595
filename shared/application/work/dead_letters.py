"""Messages that could not be processed: one rule for every queue (ADR 22).

The message is recorded with its reason and the beginning of its body; then the work it was about is given up, which
ends or holds it so that people see why.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from shared.application.errors import PortError
from shared.application.ids import content_digest
from shared.application.ports import Clock, IntakeLog, IntakeResult
from shared.measures import Metric, measured

log = logging.getLogger(__name__)

BODY_CHARS_MAX = 1000


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """A message of a dead-letter queue, with the reason in the words of the bus or of the host."""

    queue: str
    message_id: str
    reason: str
    body: str

    @property
    def intake_id(self) -> str:
        """The id of its record; the same when it is delivered again."""
        return f"dead-letter-{content_digest(self.queue, self.message_id, self.reason)}"

    @property
    def told(self) -> str:
        """What the work it was about says afterwards."""
        return f"message {self.message_id} of {self.queue} could not be processed: {self.reason}"


async def bury(
    dead: DeadLetter, give_up: Callable[[str], Awaitable[None]] | None, intake: IntakeLog, clock: Clock
) -> None:
    """Records the message and gives up what it was about; None when nobody can say what that is.

    Raises PortError when something did not answer: the message comes back. Whatever fails for another reason is told
    in the log and left, because the message would come back for ever: a queue of dead letters has none of its own.
    """
    extra = measured(Metric.DEAD_LETTERS, queue=dead.queue)
    log.error("message %s of %s is a dead letter: %s", dead.message_id, dead.queue, dead.reason, extra=extra)
    kept = f"{dead.reason}: {dead.body[:BODY_CHARS_MAX]}"
    record = intake.record(dead.intake_id, IntakeResult.QUARANTINED, dead.queue, kept, clock.now())
    await _once(record, dead, "could not be recorded")
    if give_up is not None:
        await _once(give_up(dead.told), dead, "is about what could not be given up")


async def _once(step: Awaitable[None], dead: DeadLetter, what: str) -> None:
    try:
        await step
    except PortError:
        raise
    except Exception:
        log.exception("message %s of %s %s", dead.message_id, dead.queue, what)
