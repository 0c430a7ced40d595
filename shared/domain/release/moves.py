"""How a release moves: entering a phase sets its deadline, its timers and its command, always in the same way."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.domain.fleet.lanes import WORK, begin, quiet_s
from shared.domain.records import replace
from shared.domain.release.commands import Command
from shared.domain.release.model import LOOKED_AT, Phase, Release
from shared.domain.release.steps import (
    ending_commands,
    fact,
    first_look_s,
    observe_commands,
    phase_deadline_s,
    step_commands,
    timers,
)

#: The steps that take locks.
CLAIMING = (Phase.WAITING_FOR_CIRCUIT, Phase.WAITING_FOR_FLEET, Phase.WAITING_FOR_ENDPOINT)


@dataclass(frozen=True, kw_only=True)
class Move:
    """What a rule answers. An empty note says that nothing happened that the history should tell."""

    release: Release
    commands: tuple[Command, ...] = ()
    note: str = ""


def stay(release: Release, note: str = "", **changes: Any) -> Move:
    """The release stays in its step; `changes` are fields to set."""
    return Move(release=replace(release, **changes), note=note)


def only_looking(release: Release, note: str = "", **changes: Any) -> Move:
    """The step's change is on its way: from here on looking is enough, and what stood before it is over."""
    return stay(release, note, submitted=True, waiting_on="", **changes)


def enter(
    release: Release,
    phase: Phase,
    now: datetime,
    note: str,
    *,
    attempt: int = 1,
    delay_s: int = 0,
    **changes: Any,
) -> Move:
    """Starts the step of `phase` under a new serial; `delay_s` puts its command off (back-off).

    Nothing is rolled back while a change may be in flight, however the roll-back begins.
    """
    if phase is Phase.ROLLING_BACK:
        delay_s = max(delay_s, quiet_s(release, now))
    moved = replace(
        release,
        phase=phase,
        phase_since=now if phase is not release.phase else release.phase_since,
        serial=release.serial + 1,
        attempt=attempt,
        look=0,
        submitted=phase is Phase.SETTLING,
        waiting_on="",
        circuit_claimed=release.circuit_claimed or phase in CLAIMING,
        batch_jobs=None if _is_new_watch(release, phase) else release.batch_jobs,  # every watch counts anew
        **{"reason": "", "faults": 0, "watch_extended": 0, **changes},
    )
    starts_at = now + timedelta(seconds=delay_s)
    moved = replace(
        moved,
        deadline_at=starts_at + timedelta(seconds=phase_deadline_s(moved)),
        look_at=starts_at + timedelta(seconds=first_look_s(moved)) if phase in LOOKED_AT else None,
    )
    moved, begun = begin(moved, now, delay_s) if phase in WORK else (moved, ())
    commands = (*step_commands(moved, starts_at if delay_s else None), *begun, *timers(moved))
    if phase is not release.phase:
        commands = (*commands, fact(moved, now, note))
    return Move(release=moved, commands=commands, note=note)


def _is_new_watch(release: Release, phase: Phase) -> bool:
    """A watch that is made longer goes on as the same one."""
    return phase is Phase.WATCHING and release.phase is not Phase.WATCHING


def wait_on(release: Release, holder: str, now: datetime, note: str, *, frozen: bool = False) -> Move:
    """The step cannot go on because of `holder`; the history tells it once per holder.

    Time behind a freeze does not count: the step has its whole time again from the last look that found it frozen.
    """
    waiting = replace(release, waiting_on=holder)
    if frozen and release.deadline_at is not None:
        deadline_at = now + timedelta(seconds=phase_deadline_s(release))
        waiting = replace(waiting, deadline_at=max(release.deadline_at, deadline_at))
    return Move(release=waiting, note="" if release.waiting_on == holder else note)


def end(release: Release, phase: Phase, now: datetime, note: str) -> Move:
    """The release ends: nothing waits any more, the circuit is given back, a running test is stopped."""
    ended = replace(
        release,
        phase=phase,
        phase_since=now,
        serial=release.serial + 1,
        deadline_at=None,
        look_at=None,
        waiting_on="",
        reason=note,
    )
    return Move(release=ended, commands=(*ending_commands(ended), fact(ended, now, note)), note=note)


def hold(release: Release, now: datetime, reason: str, *, phase: Phase | None = None) -> Move:
    """A person must retry or abort; `held_phase` (the current one, or `phase`) is what a retry starts again."""
    return enter(
        release,
        Phase.HELD,
        now,
        f"held: {reason}",
        attempt=release.attempt,
        held_phase=phase or release.phase,
        reason=reason,
    )


def fault(release: Release, now: datetime, reason: str, *, phase: Phase | None = None) -> Move:
    """A technical fault of `phase` (the current one): a new attempt after a pause, a person once they are used up."""
    limits = release.policy.limits
    phase = phase or release.phase
    faults = release.faults + 1
    if faults >= limits.attempts_max:
        reason = f"{phase.value} did not succeed after {faults} attempts: {reason}"
        return hold(release, now, reason, phase=phase)
    note = f"attempt {release.attempt} of {phase.value} errored, trying again: {reason}"
    attempt = release.attempt + 1
    return enter(release, phase, now, note, attempt=attempt, delay_s=limits.retry_backoff_s, faults=faults)


def look(release: Release, suffix: str) -> Move:
    """Looks at the current step, or issues its command again when nobody has said that it arrived."""
    issue = observe_commands(release, suffix) if release.submitted else step_commands(release, suffix=suffix)
    return Move(release=release, commands=issue)
