"""`decide`: event in, new release and commands out. Pure and total (R-INV-25).

Same release, event and time give the same decision (I25). Every pair of phase and event has a row in the machine of
its kind, is ignored with a note, or is a DomainError.
"""

from dataclasses import dataclass
from datetime import datetime

from shared.domain.errors import Conflict, DomainError, InvalidRequest, TransitionBug
from shared.domain.fleet import rollback
from shared.domain.fleet.environment_machine import ENVIRONMENT
from shared.domain.fleet.rollback_machine import ROLLBACK
from shared.domain.online.events import EndpointBack, OnlineReleaseRequested, SlotTested, TrafficObserved
from shared.domain.online.machine import ONLINE
from shared.domain.online.model import Online
from shared.domain.people import check_operator
from shared.domain.records import replace
from shared.domain.release import events as e
from shared.domain.release.commands import Command, PublishFact
from shared.domain.release.events import Event, StepEvent
from shared.domain.release.history import HistoryEntry, chain
from shared.domain.release.model import Kind, Phase, Release
from shared.domain.release.model_machine import MODEL
from shared.domain.release.moves import Move, enter
from shared.domain.release.policy import Policy
from shared.domain.release.rules_gates import too_late

#: Every kind of release and its machine.
MACHINES = {Kind.MODEL: MODEL, Kind.ENVIRONMENT: ENVIRONMENT, Kind.ROLLBACK: ROLLBACK, Kind.ONLINE: ONLINE}


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What follows from one event.

    `applied` is false when the event was ignored. `entry` is None when there is nothing the history should tell (a
    look that found nothing new); such an event may be applied twice without harm and needs no inbox row either.
    """

    release: Release
    commands: tuple[Command, ...]
    applied: bool
    note: str
    entry: HistoryEntry | None


def decide(release: Release, event: Event, now: datetime) -> Decision:
    """Applies `event` at `now` (UTC, aware). Raises DomainError when a person's request is not allowed."""
    if event.release_id != release.release_id:
        raise ValueError(f"event {event.event_id} belongs to {event.release_id}, not to {release.release_id}")
    if isinstance(event, e.ChecksCancelled):
        return _ignored(release, event, event.detail, now)
    if isinstance(event, e.Undone):
        return _undone(release, event, now)
    if isinstance(event, e.EnvironmentProposed):
        return _applied(release, event, Move(release=replace(release, pull_request=event.url), note=event.detail), now)
    answer = MACHINES[release.kind].get((release.phase, type(event)))
    if answer is None:
        return _not_foreseen(release, event, now)
    if isinstance(event, StepEvent) and event.serial != release.serial:
        note = f"late answer of step {event.serial}; step {release.serial} is current"
        return _ignored(release, event, note, now)
    if isinstance(event, e.DeadlinePassed) and release.deadline_at and now < release.deadline_at:
        return _ignored(release, event, "the deadline has not come yet", now)
    move = answer.rule(release, event, now)
    if move.release.phase not in answer.to:
        raise TransitionBug(f"{type(event).__name__} moved {release.phase} to {move.release.phase}")
    return _applied(release, event, move, now)


def open_release(event: e.ModelRegistered, policy: Policy, now: datetime) -> Decision:
    """A release begins: nothing the event claims is believed before the candidate was read again."""
    names = (event.workspace, event.model_name, event.model_version)
    blank = _blank(Kind.MODEL, event.release_id, policy, names, now)
    note = f"opened for {blank.asset} of {event.workspace}"
    return _opened(blank, event, enter(blank, Phase.VERIFYING, now, note), now)


def open_environment_release(event: e.EnvironmentReleaseRequested, policy: Policy, now: datetime) -> Decision:
    """A person asks for it. Raises NotEligible for anybody who may not operate releases."""
    names = (event.workspace, event.environment_name, event.environment_version)
    blank = _blank(Kind.ENVIRONMENT, event.release_id, policy, names, now)
    check_operator(blank, event.actor)
    reason = f": {event.reason}" if event.reason else ""
    note = f"{event.actor.name} requested the release of {blank.asset}{reason}"
    asked_by = (event.actor.object_id, event.actor.username)
    return _opened(blank, event, enter(blank, Phase.VERIFYING, now, note, requested_by=asked_by), now)


def open_attempt(event: e.AttemptRequested, policy: Policy, now: datetime) -> Decision:
    """A person asks for a version by hand, or again. Raises NotEligible and, without a reason to do it again,
    InvalidRequest. Whoever asked for an attempt, this one or one before, approves none of the later ones."""
    names = (event.workspace, event.asset_name, event.asset_version)
    blank = replace(_blank(event.kind, event.release_id, policy, names, now), earlier=event.earlier)
    check_operator(blank, event.actor)
    if event.earlier and not event.reason.strip():
        raise InvalidRequest("a new attempt needs a reason: whoever decides on it will read it")
    reason = f": {event.reason}" if event.reason else ""
    which = f"attempt {blank.version_attempt} of {blank.asset}" if event.earlier else f"the release of {blank.asset}"
    asked_by = tuple(dict.fromkeys((*event.requested_before, event.actor.object_id, event.actor.username)))
    note = f"{event.actor.name} requested {which}{reason}"
    return _opened(blank, event, enter(blank, Phase.VERIFYING, now, note, requested_by=asked_by), now)


def open_online_release(event: OnlineReleaseRequested, policy: Policy, now: datetime) -> Decision:
    """A person or a pipeline asks for it. Raises NotEligible for a person who may not operate releases and, without a
    reason to do it again, InvalidRequest."""
    names = (event.workspace, event.asset_name, event.asset_version)
    blank = replace(
        _blank(Kind.ONLINE, event.release_id, policy, names, now), earlier=event.earlier, online=Online(wish=event.wish)
    )
    check_operator(blank, event.actor)
    if event.earlier and not event.reason.strip():
        raise InvalidRequest("a new attempt needs a reason: whoever decides on it will read it")
    what = "comparison" if event.wish.compare_only else "release"
    reason = f": {event.reason}" if event.reason else ""
    asked_by = tuple(dict.fromkeys((*event.requested_before, event.actor.object_id, event.actor.username)))
    note = f"{event.actor.name} requested the {what} of {blank.asset} to online endpoints{reason}"
    return _opened(blank, event, enter(blank, Phase.VERIFYING, now, note, requested_by=asked_by), now)


def open_rollback(event: e.RollbackOpened, policy: Policy, now: datetime) -> Decision:
    """A release that has ended is undone. Raises NotEligible and InvalidRequest."""
    names = (event.workspace, event.asset_name, event.asset_version)
    blank = _blank(Kind.ROLLBACK, event.release_id, policy, names, now)
    listing = replace(
        blank,
        undoes=event.undoes,
        undoes_to=event.to,
        undoes_models=event.models,
        endpoints_to_list=event.endpoints,
        epochs=dict.fromkeys(event.circuits, 0),
    )
    to = f" to version {event.to}" if event.to else ""
    note = f"{event.actor.name} asked to roll {event.undoes} back{to}: {event.reason}"
    move = enter(listing, Phase.FREEZING_TARGETS, now, note, **rollback.wanted(blank, event, now))
    return _opened(listing, event, move, now)


def _blank(kind: Kind, release_id: str, policy: Policy, names: tuple[str, str, str], now: datetime) -> Release:
    """A release before its first step; `names` are workspace, name and version of what is released."""
    workspace, name, version = names
    return Release(
        release_id=release_id,
        kind=kind,
        policy=policy,
        asset_workspace=workspace,
        asset_name=name,
        asset_version=version,
        opened_at=now,
        phase=Phase.HELD,
        phase_since=now,
        deadline_at=None,
        serial=0,
    )


def _opened(blank: Release, event: Event, move: Move, now: datetime) -> Decision:
    """The history begins in the first step, not in the blank's phase."""
    return _applied(replace(blank, phase=move.release.phase), event, move, now)


def refused(release: Release, event: Event, error: DomainError, now: datetime) -> Decision:
    """Notes the refusal in the history: a message on a queue has no caller to answer to."""
    return _ignored(release, event, f"refused: {error}", now)


def _undone(release: Release, event: e.Undone, now: datetime) -> Decision:
    """The end of a release stays its end; that production went back from it is told beside it."""
    note = f"undone by {event.by}: {event.reason}"
    if release.phase is not Phase.RELEASED or release.undone_by == event.by:
        return _ignored(release, event, note, now)
    return _applied(release, event, Move(release=replace(release, undone_by=event.by), note=note), now)


def _not_foreseen(release: Release, event: Event, now: datetime) -> Decision:
    if isinstance(event, e.ApprovalSubmitted):
        raise Conflict(too_late(release, event))
    if isinstance(event, e.PERSON_EVENTS):
        if release.phase.is_terminal:
            raise Conflict(f"this release has ended as {release.phase.value}: {release.reason}")
        raise Conflict(f"{_ASKED[type(event)]} is not possible while the release is {release.phase.value}")
    note = f"{type(event).__name__} changes nothing while {release.phase.value}"
    return _ignored(release, event, note, now)


def _ignored(release: Release, event: Event, note: str, now: datetime) -> Decision:
    if isinstance(event, _QUIET):
        return Decision(release=release, commands=(), applied=False, note=note, entry=None)
    decision = _applied(release, event, Move(release=release, note=note), now)
    return replace(decision, applied=False)


_ASKED: dict[type[Event], str] = {
    e.ApprovalSubmitted: "deciding on a gate",
    e.AbortRequested: "aborting",
    e.RetryRequested: "retrying",
    e.RollbackRequested: "rolling back",
    e.EnvironmentReleaseRequested: "opening it again",
    e.AttemptRequested: "opening it again",
    e.EvidenceSubmitted: "submitting evidence",
    e.RollbackOpened: "opening it again",
    OnlineReleaseRequested: "opening it again",
}

#: Events that come again and again: when they change nothing, the history does not tell them.
_QUIET = (
    e.LookDue,
    e.DeadlinePassed,
    e.TestRunChanged,
    e.TestStillRunning,
    e.CircuitBusy,
    e.DeploymentObserved,
    e.DeploymentSubmitted,
    e.TargetAnswered,
    e.TargetsListed,
    SlotTested,
    TrafficObserved,
    EndpointBack,
)


def _applied(release: Release, event: Event, move: Move, now: datetime) -> Decision:
    if not move.note:
        return Decision(release=move.release, commands=move.commands, applied=True, note="", entry=None)
    actor = event.actor if isinstance(event, e.PERSON_EVENTS) else None
    entry = chain(
        HistoryEntry(
            number=release.history_count + 1,
            at=now,
            event=type(event).__name__,
            event_id=event.event_id,
            actor=actor.name if actor else "switchyard",
            actor_id=actor.object_id if actor else "",
            phase_before=release.phase,
            phase_after=move.release.phase,
            note=move.note,
        ),
        release.history_hash,
    )
    recorded = replace(move.release, history_count=entry.number, history_hash=entry.digest)
    commands = tuple(_witnessing(command, entry) for command in move.commands)
    return Decision(release=recorded, commands=commands, applied=True, note=move.note, entry=entry)


def _witnessing(command: Command, entry: HistoryEntry) -> Command:
    """A fact takes the digest of its entry out of the table, so that a rewritten history is found."""
    if not isinstance(command, PublishFact):
        return command
    return replace(command, history_number=entry.number, history_digest=entry.digest)
