"""The id of a command's answer comes from the command and from what is said: another answer is another event."""

from typing import Any, TypeVar

from shared.application.errors import (
    PlatformBlocked,
    PlatformBusy,
    PlatformErrored,
    PlatformOutcomeUnknown,
    PlatformRefused,
)
from shared.application.ids import content_digest
from shared.application.release.ports import Ports
from shared.domain.release.commands import ChangeTarget, CheckTarget, Command, ProbeTarget
from shared.domain.release.events import (
    CircuitTaken,
    Outcome,
    OutcomeUnknown,
    StepBlocked,
    StepBusy,
    StepErrored,
    StepEvent,
    StepFailed,
    TargetAnswered,
)

PlatformFault = PlatformErrored | PlatformRefused | PlatformOutcomeUnknown
PLATFORM_FAULTS = (PlatformErrored, PlatformRefused, PlatformOutcomeUnknown)
"""Faults of Azure ML that answer a command; after every other fault of a port the command itself is tried again."""

StepEventT = TypeVar("StepEventT", bound=StepEvent)


def answer(kind: type[StepEventT], command: Command, ports: Ports, **content: Any) -> StepEventT:
    """The event of type `kind` that answers `command`."""
    digest = content_digest(kind.__name__, sorted(content.items(), key=lambda item: item[0]))
    return kind(
        event_id=f"{command.command_id}-{digest}",
        release_id=command.release_id,
        occurred_at=ports.clock.now(),
        serial=command.serial,
        **content,
    )


def fault_answer(error: PlatformFault, command: Command, ports: Ports) -> StepEvent:
    """What a fault of Azure ML means for the step of `command`: wait, try again, ask people, end, or settle."""
    if isinstance(error, PlatformBusy):
        return answer(StepBusy, command, ports, detail=str(error))
    kinds: tuple[tuple[type[PlatformFault], type[StepEvent]], ...] = (
        (PlatformErrored, StepErrored),
        (PlatformBlocked, StepBlocked),
        (PlatformRefused, StepFailed),
        (PlatformOutcomeUnknown, OutcomeUnknown),
    )
    kind = next(event for fault, event in kinds if isinstance(error, fault))
    return answer(kind, command, ports, reason=str(error))


def target_answer(
    command: ChangeTarget | CheckTarget | ProbeTarget, ports: Ports, outcome: Outcome, detail: str, **more: object
) -> TargetAnswered:
    """The answer to this look at this try."""
    about = {"target_key": command.target_key, "attempt": command.attempt, "look": command.look}
    return answer(TargetAnswered, command, ports, **about, outcome=outcome, detail=detail, **more)


def outcome_of(error: PlatformFault) -> Outcome:
    """What a fault of Azure ML means for the work on one target."""
    if isinstance(error, PlatformBusy):
        return Outcome.BUSY
    return Outcome.REFUSED if isinstance(error, PlatformRefused) else Outcome.ERRORED


def circuit_taken(release_id: str, key: str, epoch: int, by: str, ports: Ports) -> CircuitTaken:
    """The news for a release that lost a circuit's lock of this epoch, whoever finds it out first."""
    return CircuitTaken(
        event_id=f"{release_id}-taken-{key.lower()}-{epoch}",
        release_id=release_id,
        occurred_at=ports.clock.now(),
        target_key=key,
        by=by or "that has ended",
    )
