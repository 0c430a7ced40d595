"""What people ask for. Checked at once by the same rules that decide on the queue, then put there."""

from dataclasses import dataclass
from enum import StrEnum

from shared.application.errors import NotFound
from shared.application.ids import content_digest
from shared.application.release.ports import Ports
from shared.domain.release.decide import decide
from shared.domain.release.events import (
    AbortRequested,
    ApprovalSubmitted,
    Event,
    RetryRequested,
)
from shared.domain.release.model import Actor, Release
from shared.domain.release.policy import Stage


class NoSuchRelease(NotFound):
    """There is no release with this id."""


class Answer(StrEnum):
    """What the app answers to a person's request at once."""

    ACCEPTED = "accepted"
    ALREADY_DONE = "already_done"


@dataclass(frozen=True, kw_only=True)
class Decided:
    """The answer, and the release as it was when it was given. `models` are releases of models that go back with it."""

    answer: Answer
    release: Release
    models: frozenset[str] = frozenset()


async def submit_approval(
    release_id: str, stage: Stage, actor: Actor, *, approved: bool, digest: str, reason: str, ports: Ports
) -> Decided:
    """Raises DomainError (not eligible, nothing to decide, other digest, no reason) and NoSuchRelease."""
    said = "approve" if approved else "reject"
    event = ApprovalSubmitted(
        event_id=f"{release_id}-{said}-{content_digest(stage, digest, actor.tenant_id, actor.object_id)}",
        release_id=release_id,
        occurred_at=ports.clock.now(),
        stage=stage,
        actor=actor,
        approved=approved,
        digest=digest,
        reason=reason,
    )
    return await submit(event, ports)


async def abort(release_id: str, actor: Actor, reason: str, ports: Ports) -> Decided:
    """Ends the release, putting production back if it was touched. Raises DomainError and NoSuchRelease."""
    return await _ask(AbortRequested, "abort", release_id, actor, reason, ports)


async def retry(release_id: str, actor: Actor, reason: str, ports: Ports) -> Decided:
    """Starts a new attempt of the held step. Raises DomainError and NoSuchRelease."""
    return await _ask(RetryRequested, "retry", release_id, actor, reason, ports)


async def _ask(
    kind: type[AbortRequested] | type[RetryRequested],
    verb: str,
    release_id: str,
    actor: Actor,
    reason: str,
    ports: Ports,
) -> Decided:
    """Asking twice in the same step is one request; asking again in a later step is another."""
    stored = await ports.store.load(release_id)
    serial = stored.release.serial if stored else 0
    event = kind(
        event_id=f"{release_id}-{verb}-{content_digest(actor.object_id, serial)}",
        release_id=release_id,
        occurred_at=ports.clock.now(),
        actor=actor,
        reason=reason,
    )
    return await submit(event, ports)


async def submit(event: Event, ports: Ports) -> Decided:
    """Decides at once, so that a refusal is told at once, then puts the event on the queue, where it decides again."""
    stored = await ports.store.load(event.release_id, [event.event_id])
    if stored is None:
        raise NoSuchRelease(f"there is no release {event.release_id}: list the releases to find its id")
    decision = decide(stored.release, event, ports.clock.now())
    if not decision.applied or event.event_id in stored.seen:
        return Decided(answer=Answer.ALREADY_DONE, release=stored.release)
    await ports.events.publish(event)
    return Decided(answer=Answer.ACCEPTED, release=stored.release)
