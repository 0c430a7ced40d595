"""The one way a release advances: load, decide, commit, dispatch. It folds a burst of events into one commit.

Events come through the release's session one after the other. Answers to commands need not: what they mean depends on
the step and the try that they belong to, and the commit proves that it was decided on the latest state (ADR 33).
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.application.errors import ConcurrentUpdate
from shared.application.ports import IntakeResult
from shared.application.release.dispatch import dispatch
from shared.application.release.ports import CommittedRelease, Ports, ReleaseCommit, Stored
from shared.application.release.resting import may_rest
from shared.application.release.telling import tell
from shared.domain.errors import DomainError
from shared.domain.online.events import OnlineReleaseRequested
from shared.domain.release.commands import Command
from shared.domain.release.decide import (
    Decision,
    decide,
    open_attempt,
    open_environment_release,
    open_online_release,
    open_release,
    open_rollback,
    refused,
)
from shared.domain.release.events import (
    AttemptRequested,
    EnvironmentReleaseRequested,
    Event,
    MessageDeadLettered,
    ModelRegistered,
    RollbackOpened,
)
from shared.domain.release.history import HistoryEntry
from shared.domain.release.model import Kind, Release

log = logging.getLogger(__name__)

#: How often a lost race is decided again before the message goes back to the queue.
COMMIT_TRIES = 5

#: A commit holds at most 90 rows. An event of a model release leads to at most six commands, an inbox row and a history
#: row; one of an environment release to at most 50 rows, which is why the queue's trigger hands over one at a time.
EVENTS_PER_COMMIT = 10


async def handle_events(release_id: str, events: Sequence[Event], ports: Ports) -> Release | None:
    """Applies `events` of one release in order; returns the release as it is then, None when there is none.

    Safe to repeat. Raises TransientFault when store or bus do not answer; nothing is lost then, because the message
    comes back or the sweeper finishes what was committed.
    """
    standing: CommittedRelease | None = None
    for start in range(0, len(events), EVENTS_PER_COMMIT):
        standing = await _commit(release_id, events[start : start + EVENTS_PER_COMMIT], ports)
    if standing is None:
        return None
    await dispatch(standing, ports)
    return standing.release


async def handle_answer(event: Event, ports: Ports) -> None:
    """Applies the answer of a command where it was made, if this process made the release's last commit; else it goes
    the way of all events, through the queue. So does what could not be committed or sent: the inbox knows whether it
    was. Raises TransientFault when the queue does not take it."""
    try:
        if await _handled_here(event, ports):
            return
    except Exception as error:  # whatever is wrong with the event: on the queue it fails alone, not with its command
        log.info("%s goes to the queue: %s", event.event_id, error, extra={"release_id": event.release_id})
    await ports.events.publish(event)


async def _handled_here(event: Event, ports: Ports) -> bool:
    recalled = await ports.store.recall(event.release_id)
    if recalled is None:
        return False
    fold = _Fold.of(recalled, [event], ports)
    if not fold.changed:
        return False
    await dispatch(await _committed(event.release_id, recalled, fold, ports), ports)
    return True


async def _commit(release_id: str, events: Sequence[Event], ports: Ports) -> CommittedRelease | None:
    for number in range(COMMIT_TRIES):
        stored, fold = await _decided(release_id, events, ports, recall=number == 0)
        if fold.release is None:
            await _record_strays(events, ports)
            return None
        if stored is not None and not fold.changed:
            return stored
        try:
            return await _committed(release_id, stored, fold, ports)
        except ConcurrentUpdate as error:
            log.info(
                "another instance changed the release: deciding again: %s", error, extra={"release_id": release_id}
            )
    raise ConcurrentUpdate(f"release {release_id} changed {COMMIT_TRIES} times while deciding; try again later")


async def _committed(release_id: str, stored: Stored | None, fold: "_Fold", ports: Ports) -> CommittedRelease:
    """The release with the change, once it is durable. Raises ConcurrentUpdate."""
    if stored is None:
        await ports.store.add_open(release_id, ports.clock.now())
    elif stored.release.phase.is_terminal:  # it is told who undid it: listed anew, until the index says so too
        await ports.store.add_open(release_id, ports.clock.now(), stored.number)
    elif stored.may_rest:
        await ports.store.wake(release_id, stored.number)
    change = fold.change(ports)
    number = await ports.store.commit(change)
    tell(stored.release if stored else None, change.release)
    unsent = (*(stored.unsent if stored else ()), *change.commands)
    return CommittedRelease(release=change.release, number=number, may_rest=change.may_rest, unsent=unsent)


async def _decided(
    release_id: str, events: Sequence[Event], ports: Ports, *, recall: bool
) -> "tuple[Stored | None, _Fold]":
    """What follows from the events. What is only recalled counts where something has to be committed: the commit fails
    when the release is not as it was recalled, or when one of the events acted before."""
    if recall and (recalled := await ports.store.recall(release_id)) is not None:
        fold = _Fold.of(recalled, events, ports)
        if fold.changed:
            return recalled, fold
    stored = await ports.store.load(release_id, [event.event_id for event in events])
    return stored, _Fold.of(stored, events, ports)


async def _record_strays(events: Sequence[Event], ports: Ports) -> None:
    """Events of a release that does not exist: recorded, because nothing that was accepted is lost (I13)."""
    for event in events:
        if isinstance(event, MessageDeadLettered):  # what would have opened it was given up
            await ports.store.drop(event.release_id)
        await ports.intake.record(
            event.event_id,
            IntakeResult.NOT_OURS,
            event.release_id,
            _why_stray(event, ports),
            ports.clock.now(),
        )


def _why_stray(event: Event, ports: Ports) -> str:
    if isinstance(event, ModelRegistered) and _is_served(event, ports):
        return f"{event.model_name} is served online: its versions are released when somebody asks (release-online)"
    return f"{type(event).__name__} for a release that does not exist"


def _is_served(event: ModelRegistered, ports: Ports) -> bool:
    """Whether online endpoints serve the model, so that it belongs to no circuit."""
    plans = (ports.config.online(name) for name in ports.config.online_names())
    return any(plan is not None and plan.model_name == event.model_name for plan in plans)


@dataclass
class _Fold:
    """Several events, one commit."""

    stored: Stored | None
    release: Release | None = None
    event_ids: list[str] = field(default_factory=list)
    entries: list[HistoryEntry] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)

    @classmethod
    def of(cls, stored: Stored | None, events: Sequence[Event], ports: Ports) -> "_Fold":
        """The events applied in order to what is stored."""
        fold = cls(stored, stored.release if stored else None)
        for event in events:
            fold.apply(event, ports)
        return fold

    @property
    def changed(self) -> bool:
        before = self.stored.release if self.stored else None
        return bool(self.commands) or (self.release is not before and self.release != before)

    def apply(self, event: Event, ports: Ports) -> None:
        seen = self.stored.seen if self.stored else frozenset()
        if event.event_id in seen or event.event_id in self.event_ids:
            return
        decision = self._decide(event, ports)
        if decision is None:
            return
        log.info(
            "%s: %s",
            type(event).__name__,
            decision.note or "looked",
            extra={"release_id": event.release_id, "event_id": event.event_id, "phase": decision.release.phase.value},
        )
        self.release = decision.release
        self.commands.extend(decision.commands)
        if decision.entry is not None:
            self.entries.append(decision.entry)
            self.event_ids.append(event.event_id)

    def _decide(self, event: Event, ports: Ports) -> Decision | None:
        now = ports.clock.now()
        if self.release is None and isinstance(event, ModelRegistered):
            if _is_served(event, ports):
                return None
            return open_release(event, ports.config.policy(), now)
        if self.release is None and isinstance(event, EnvironmentReleaseRequested):
            return open_environment_release(event, ports.config.policy(Kind.ENVIRONMENT), now)
        if self.release is None and isinstance(event, AttemptRequested):
            return open_attempt(event, ports.config.policy(event.kind), now)
        if self.release is None and isinstance(event, OnlineReleaseRequested):
            return open_online_release(event, ports.config.policy(Kind.ONLINE), now)
        if self.release is None and isinstance(event, RollbackOpened):
            return open_rollback(event, ports.config.policy(Kind.ROLLBACK), now)
        if self.release is None:
            return None
        try:
            return decide(self.release, event, now)
        except DomainError as error:
            return refused(self.release, event, error, now)

    def change(self, ports: Ports) -> ReleaseCommit:
        if self.release is None:
            raise ValueError("nothing to commit")
        return ReleaseCommit(
            release=self.release,
            version=self.stored.version if self.stored else None,
            may_rest=may_rest(self.release, ports.clock.now()),
            event_ids=tuple(self.event_ids),
            entries=tuple(self.entries),
            commands=tuple(self.commands),
        )
