"""How the work on targets moves a release: answer, try again, next, conclude. `lanes.py` tells how far each one is."""

from datetime import datetime, timedelta
from typing import Any

from shared.domain.fleet.change_times import ChangeTimes
from shared.domain.fleet.lanes import (
    begin,
    find,
    of_progress,
    pause_s,
    places,
    progress_of,
    told,
    with_targets,
    work_on,
)
from shared.domain.records import replace
from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.events import Outcome
from shared.domain.release.model import AZURE_ML, FleetTarget, Kind, Phase, Progress, Release, Verdict
from shared.domain.release.moves import Move, end, enter, hold, stay, wait_on
from shared.domain.release.policy import Stage
from shared.domain.release.rules_gates import open_gate
from shared.domain.release.steps import next_look, next_look_s


def roll_back(release: Release, ending: Phase, now: datetime, note: str) -> Move:
    """Every target that may have been touched goes back."""
    return enter(
        release,
        Phase.ROLLING_BACK,
        now,
        note,
        ending=ending,
        held_phase=None,
        rollback_reason=release.rollback_reason or note,
    )


def target_answered(release: Release, event: e.TargetAnswered, now: datetime) -> Move:
    """One answer about one target. Late answers of earlier tries change nothing: what a try saw of a deployment may be
    older than the failure that ended it. Only a sample inference that succeeded late stays what it was."""
    target = find(release, event.target_key)
    if target is None or progress_of(release, target) is not Progress.CHANGING:
        return stay(release)
    current = (event.attempt, event.look) == (target.attempt, target.look)
    is_proof = release.phase is Phase.VERIFYING_ROLLBACK or (
        release.phase is not Phase.CHECKING and event.attempt == target.attempt
    )
    if event.outcome is Outcome.DONE and (current or is_proof):
        return _done(release, target, event, now)
    if not current:
        return stay(release)
    if event.outcome is Outcome.PENDING:
        if release.phase is Phase.ROLLING_BACK:
            release = marked(release, first_write_at=event.occurred_at)
        looked = replace(target, look=target.look + 1, not_before=None, detail=event.detail)
        return _look_again(release, replace(looked, accepted_at=target.accepted_at or event.occurred_at), now)
    if event.outcome is Outcome.BUSY:
        return _busy(release, target, event.detail)
    if event.outcome is Outcome.FROZEN:
        return _frozen(release, target, event.detail, now)
    if event.outcome is Outcome.OCCUPIED:
        return wait_on(release, event.detail, now, f"{target.key}: waits for {event.detail} to give its circuit back")
    if event.outcome is Outcome.REGAINED:
        return _regained(release, target, event)
    if event.outcome is Outcome.TAKEN:
        return _left_alone(release, target, event.detail, now)
    if event.outcome is Outcome.ERRORED and target.attempt < release.policy.limits.attempts_max:
        return _try_again(
            release, replace(target, attempt=target.attempt + 1, look=0, accepted_at=None, detail=event.detail), now
        )
    return _given_up(release, replace(target, progress=Progress.FAILED, detail=event.detail), now)


def circuit_taken(release: Release, event: e.CircuitTaken, now: datetime) -> Move:
    """While targets are updated: what was not read back by now is left to the rollback, which takes it back. What was
    read back runs on, and is the release's own to take back."""
    target, phase = find(release, event.target_key), release.held_phase or release.phase
    done = target is None or target.superseded_by or progress_of(release, target) is Progress.DONE
    if target is None or done or phase is not Phase.UPDATING:
        return stay(release, f"the rollback {event.by} took circuit {event.target_key}")
    if release.phase is Phase.HELD:
        return Move(release=with_targets(release, (_left(target, event.by),)), note=_taken_note(target, event.by))
    return _left_alone(release, target, event.by, now)


def look_due(release: Release, event: e.LookDue, now: datetime) -> Move:
    """The safety net: every command that may have been lost is issued again, under an id of its own; no try early."""
    if event.look != release.look + 1:
        return stay(release)
    looked = replace(release, look=event.look, look_at=now + timedelta(seconds=next_look_s(release)))
    if not places(looked, Progress.CHANGING, Progress.WAITING):
        concluded = _concluded(Move(release=looked, note="a look found nothing left to do"), now)
        if concluded.release is not looked:
            return concluded
        return Move(release=looked, commands=(*concluded.commands, next_look(looked)))
    due = (each for each in of_progress(looked, Progress.CHANGING) if each.not_before is None or each.not_before <= now)
    again = (work_on(looked, each, suffix=f"-{event.look}") for each in due)
    return Move(release=looked, commands=(*again, next_look(looked)))


def _look_again(release: Release, target: FleetTarget, now: datetime) -> Move:
    at = now + timedelta(seconds=pause_s(release, target.look))
    looking = with_targets(release, (target,))
    return Move(release=looking, commands=(work_on(looking, target, not_before=at),))


def _busy(release: Release, target: FleetTarget, detail: str) -> Move:
    """Azure ML is busy: no attempt is used up, and only the phase's deadline ends the waiting. The history says it once
    per target."""
    waiting_on = f"{AZURE_ML}{detail}"
    note = "" if target.detail == detail else f"{target.key}: not yet: {detail}"
    return stay(with_targets(release, (replace(target, detail=detail),)), note, waiting_on=waiting_on)


def _frozen(release: Release, target: FleetTarget, freeze: str, now: datetime) -> Move:
    """No attempt is spent: the release's own looks try the same change again. The history tells each freeze once."""
    detail = f"waits for the end of the {freeze}"
    told = any(each.detail == detail for each in release.fleet)
    waiting = with_targets(release, (replace(target, detail=detail),))
    return wait_on(waiting, freeze, now, "" if told else f"{target.key}: {detail}", frozen=True)


def _regained(release: Release, target: FleetTarget, event: e.TargetAnswered) -> Move:
    """What was read back here can be taken back again; whoever had the circuit meanwhile left it running."""
    regained = replace(
        with_targets(release, (replace(target, not_before=event.quiet_until),)),
        epochs={**release.epochs, target.key: event.epoch},
    )
    again = work_on(
        regained, find(regained, target.key) or target, not_before=event.quiet_until, suffix=f"-epoch-{event.epoch}"
    )
    return Move(release=regained, commands=(again,), note=f"{target.key}: holds its circuit again")


def _try_again(release: Release, target: FleetTarget, now: datetime) -> Move:
    at = now + timedelta(seconds=release.policy.limits.retry_backoff_s)
    trying = with_targets(release, (replace(target, not_before=at),))
    note = f"{target.key}: attempt {target.attempt - 1} of {release.phase.value} errored, trying again: {target.detail}"
    return Move(release=trying, commands=(work_on(trying, target, not_before=at),), note=note)


def _done(release: Release, target: FleetTarget, event: e.TargetAnswered, now: datetime) -> Move:
    done = replace(target, progress=Progress.DONE, detail=event.detail)
    if release.phase is Phase.CHECKING:
        done = replace(done, check=event.verdict, check_detail=event.detail)
        note = f"{target.key}: {event.verdict.value if event.verdict else 'judged'}: {event.detail}"
    else:
        note = f"{target.key}: {event.detail}"
    if release.phase in (Phase.UPDATING, Phase.ROLLING_BACK):
        release = _timed(release, target, event)
    if release.phase is Phase.ROLLING_BACK:
        if event.at_once:
            release = marked(release, first_write_at=event.occurred_at)
        release = marked(release, first_restored_at=event.occurred_at)
    return _next(with_targets(release, (done,)), now, note)


def _timed(release: Release, target: FleetTarget, event: e.TargetAnswered) -> Release:
    """With the time of this change, where one was made: a target that ran what it should has none."""
    accepted_at = event.occurred_at if event.at_once else target.accepted_at
    if accepted_at is None:
        return release
    took_s = (event.occurred_at - accepted_at).total_seconds()
    return replace(release, change_times=(release.change_times or ChangeTimes()).with_one(max(0.0, took_s)))


def _left_alone(release: Release, target: FleetTarget, taken_by: str, now: datetime) -> Move:
    """Its circuit is gone, and with it every say in what it runs, forward or back."""
    return _next(with_targets(release, (_left(target, taken_by),)), now, _taken_note(target, taken_by))


def _left(target: FleetTarget, taken_by: str) -> FleetTarget:
    return replace(target, progress=Progress.UNTOUCHED, superseded_by=taken_by, detail=f"taken by {taken_by}")


def _taken_note(target: FleetTarget, taken_by: str) -> str:
    return f"{target.key}: its circuit was taken by {taken_by}, which decides what it runs"


def _given_up(release: Release, target: FleetTarget, now: datetime) -> Move:
    note = f"{target.key}: {release.phase.value} failed: {target.detail}"
    return _next(with_targets(release, (target,)), now, note)


def _next(release: Release, now: datetime, note: str) -> Move:
    """The lane is free: begin the next target, or conclude the phase when none is left."""
    started, commands = begin(replace(release, waiting_on=""), now)
    move = Move(release=started, commands=commands, note=note)
    return move if places(started, Progress.CHANGING, Progress.WAITING) else _concluded(move, now)


def _concluded(move: Move, now: datetime) -> Move:
    """What follows once every target is through."""
    release = move.release
    phase = {
        Phase.CHECKING: _checked,
        Phase.UPDATING: _updated,
        Phase.ROLLING_BACK: _rolled_back,
        Phase.VERIFYING_ROLLBACK: _verified,
    }[release.phase](release, now, move.note)
    return Move(release=phase.release, commands=(*_still_wanted(move, phase.release), *phase.commands), note=phase.note)


def _still_wanted(move: Move, after: Release) -> tuple[c.Command, ...]:
    """Commands of the step that ended are stale; the facts it tells are not."""
    kept = (command for command in move.commands if isinstance(command, c.PublishFact))
    return tuple(kept) if after is not move.release else move.commands


def _checked(release: Release, now: datetime, note: str) -> Move:
    """All must pass. Failed ends the release, errored holds it; what changed goes to people with the numbers."""
    failed = [target for target in release.fleet if target.check is Verdict.FAILED]
    if failed:
        text = f"{len(failed)} of {len(release.fleet)} models failed: {told(failed)}"
        return end(release, Phase.FAILED, now, _after(text, note))
    if errored := of_progress(release, Progress.FAILED):
        return hold(release, now, f"{len(errored)} of {len(release.fleet)} checks errored: {told(errored)}")
    changed = sum(target.check is Verdict.INCONCLUSIVE for target in release.fleet)
    text = f"all {len(release.fleet)} models were checked, {changed} predict other values"
    return open_gate(release, Stage.PRODUCTION, now, _after(text, note))


def _updated(release: Release, now: datetime, note: str) -> Move:
    """A partial failure is never a success: a person has the rest tried again, or everything put back."""
    if failed := of_progress(release, Progress.FAILED):
        text = f"{len(failed)} of {len(release.fleet)} deployments could not be updated: {told(failed)}"
        return hold(release, now, text)
    updated = places(release, Progress.DONE).bit_count()
    text = f"{updated} deployments run {release.asset}, each read back{_taken(release)}"
    if not _taken(release):
        text = f"all {text}"
    return enter(release, Phase.WATCHING, now, _after(text, note))


def _rolled_back(release: Release, now: datetime, note: str) -> Move:
    """Read back is not enough: a sample inference shows that what a rollback put back works, and after an abort or an
    expired hold it is read once more."""
    if failed := of_progress(release, Progress.FAILED):
        text = f"{len(failed)} deployments could not be put back: {told(failed)}"
        return hold(release, now, text)
    restored = places(release, Progress.DONE).bit_count()
    untouched = len(release.fleet) - restored
    text = f"{restored} deployments were put back and read back, {untouched} had not been touched{_taken(release)}"
    text = _after(text, note)
    ending = release.ending or Phase.ROLLED_BACK
    if restored:
        return enter(marked(release, last_restored_at=now), Phase.VERIFYING_ROLLBACK, now, text)
    if release.kind is Kind.ROLLBACK:
        ending = Phase.FAILED  # others have its circuits: nothing was put back by it
    return end(release, ending, now, text)


def _verified(release: Release, now: datetime, note: str) -> Move:
    """The samples show that what was put back works. A change that was sent twice may still land after that, so all is
    read once more when none can be in flight any more; looks ask for it again until it was."""
    if failed := of_progress(release, Progress.FAILED):
        return hold(release, now, f"production was put back, and sample inferences failed: {told(failed)}")
    move = Move(release=release, note=note)
    if now < release.phase_since + timedelta(seconds=release.policy.limits.settle_quiet_s):
        return move
    restored = _restored(release)
    command = c.ReadRestored(
        command_id=f"{release.release_id}-{release.serial}-read-restored-{release.look}",
        release_id=release.release_id,
        serial=release.serial,
        target_keys=tuple(target.key for target in restored),
        endpoints=tuple(sorted({target.previous.endpoint_name for target in restored})),
    )
    return replace(move, commands=(command,))


def restored_read(release: Release, event: e.RestoredRead, now: datetime) -> Move:
    """The rollback ends, or what broke since goes back again: a change that landed late may have broken it."""
    if places(release, Progress.CHANGING, Progress.WAITING):
        return stay(release)
    restored = _restored(release)
    if event.broken:
        broken = [replace(each, detail="its deployment broke after it was put back") for each in restored
                  if each.key in event.broken]  # fmt: skip
        return roll_back(release, release.ending or Phase.ROLLED_BACK, now, f"puts back again: {told(broken)}")
    text, ending = f"{len(restored)} deployments run what ran before", release.ending or Phase.ROLLED_BACK
    if ending is Phase.ROLLED_BACK:
        release = marked(release, verified_at=now)
        text = f"{text}, {places(release, Progress.DONE).bit_count()} of them ran a sample inference"
    return end(release, ending, now, f"{text}{_taken(release)}")


def _restored(release: Release) -> list[FleetTarget]:
    return [target for target in release.fleet if target.touched and not target.superseded_by]


def _taken(release: Release) -> str:
    """The targets that stay as they are: another release has their circuits, or they were changed since."""
    left = [replace(target, detail=target.superseded_by) for target in release.fleet if target.superseded_by]
    return f"; {len(left)} stay as they are: {told(left)}" if left else ""


def _after(text: str, note: str) -> str:
    """The conclusion first, as people read it; then the answer that led to it, which the history keeps too."""
    return f"{text}; after {note}" if note else text


def marked(release: Release, **moments: datetime) -> Release:
    """The release with these moments in its meter, where it has one; a moment that is there stays."""
    if release.meter is None:
        return release
    new: dict[str, Any] = {name: at for name, at in moments.items() if getattr(release.meter, name) is None}
    return replace(release, meter=replace(release.meter, **new)) if new else release
