"""What a machine is made of: the rows of its table, and the checks that a table must pass before the app starts.

There is one machine for each kind of release, written as one table. A row says in which phases an event counts, which
rule answers it, and where the rule may lead. Each table is checked as a whole when its module is imported, so nobody
ever runs one that answers a pair of phase and event twice, or that leaves a release without a way on.
"""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import Any, TypeVar

from shared.domain.release import events as e
from shared.domain.release.events import Event
from shared.domain.release.model import LOOKED_AT, Phase, Release
from shared.domain.release.moves import Move

E = TypeVar("E", bound=Event)

Rule = Callable[[Release, Any, datetime], Move]


class Stay(Enum):
    """A destination that is no other phase."""

    STAY = "stay"


STAY = Stay.STAY


@dataclass(frozen=True)
class MachineRow:
    """One line of a table; `row` makes them."""

    phases: AbstractSet[Phase]
    event: type[Event]
    rule: Rule
    to: AbstractSet[Phase | Stay]


@dataclass(frozen=True)
class Transition:
    """What one event means in one phase: the rule that decides, and the phases the release may be in afterwards."""

    rule: Rule
    to: frozenset[Phase]


#: The answers of one kind of release. A pair that is missing is not foreseen.
Machine = Mapping[tuple[Phase, type[Event]], Transition]

#: How a step can end or be put off: whatever carries it out may meet any of them.
_OF_EVERY_STEP: AbstractSet[type[Event]] = {e.StepErrored, e.StepBusy, e.StepBlocked, e.StepFailed}

#: Whatever a release does, people can end it, its time runs out, and one of its messages can be lost.
_IN_EVERY_PHASE = frozenset({e.AbortRequested, e.DeadlinePassed, e.MessageDeadLettered})


def row(
    phases: AbstractSet[Phase],
    event: type[E],
    rule: Callable[[Release, E, datetime], Move],
    to: AbstractSet[Phase | Stay],
) -> MachineRow:
    """In each of `phases`, `rule` answers `event` and leads to one of `to`; with STAY it may also lead nowhere.

    The type checker refuses a rule that is made for another event.
    """
    return MachineRow(phases, event, rule, to)


def machine(*rows: MachineRow) -> Machine:
    """The table as `decide` reads it. Raises ValueError for a table that contradicts itself or has a gap."""
    answers: dict[tuple[Phase, type[Event]], Transition] = {}
    for each in rows:
        _check_row(each)
        for phase in sorted(each.phases):
            if (phase, each.event) in answers:
                raise ValueError(f"{each.event.__name__} has two rows in {phase.value}: leave one of them")
            to = frozenset(phase if after is STAY else after for after in each.to)
            answers[phase, each.event] = Transition(each.rule, to)
    _check_phases(answers)
    return MappingProxyType(answers)


def _check_row(each: MachineRow) -> None:
    name = each.event.__name__
    if not each.phases:
        raise ValueError(f"a row of {name} has no phase")
    if not each.to:
        raise ValueError(f"a row of {name} leads nowhere: name the phases, or STAY")
    if ended := [phase.value for phase in sorted(each.phases) if phase.is_terminal]:
        raise ValueError(f"{name} has a row in {', '.join(ended)}: what has ended is final (I6)")


def _check_phases(answers: Machine) -> None:
    """Every phase a release can be in has the rows without which it would wait for ever, or be looked at in vain."""
    sources = {phase for phase, _ in answers}
    reached = {phase for answer in answers.values() for phase in answer.to if not phase.is_terminal}
    for phase in sorted(sources | reached):
        known = {event for of, event in answers if of is phase}
        needed = _IN_EVERY_PHASE | ({e.LookDue} if phase in LOOKED_AT else set())
        needed |= _OF_EVERY_STEP if known & _OF_EVERY_STEP else set()
        if missing := sorted(event.__name__ for event in needed - known):
            hint = "write it, or add the phase to the sets of phases that have it"
            raise ValueError(f"{phase.value} has no row for {', '.join(missing)}: {hint}")
        if e.LookDue in known and phase not in LOOKED_AT:
            raise ValueError(f"{phase.value} has a row for LookDue, but is never looked at")
