"""Freezes: what they cover, when they count, who may set them, and which releases wait behind them."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.domain.errors import InvalidRequest, NotEligible
from shared.domain.freezes.freeze import (
    AHEAD_MAX,
    FLEET,
    LENGTH_MAX,
    Freeze,
    Freezes,
    blocking,
    check_freeze,
    check_freezer,
)
from shared.domain.release import events as e
from shared.domain.release.decide import decide
from shared.domain.release.model import TERMINAL, Kind, Phase, Progress, Release
from shared.domain.release.steps import phase_deadline_s
from shared.domain.release.waiting import waiting
from tests.support.builders import NOW, a_fleet_release, a_fleet_target, a_release, an_actor
from tests.support.drive_model import answer, deadline, driven_to, kinds, retry

GROUPS = ("ML-Engineers", "Engineering-Managers")
HOUR = timedelta(hours=1)
FREEZE = "freeze of P001 by Person 2 until 2026-01-05 09:00 UTC: stocktaking"


def a_freeze(scope: str = FLEET, **changes: Any) -> Freeze:
    """One hour from NOW on."""
    freeze = Freeze(
        freeze_id=f"{scope.lower()}-1",
        scope=scope,
        who="Person 2",
        who_id=an_actor(2).object_id,
        why="stocktaking",
        starts_at=NOW,
        ends_at=NOW + HOUR,
    )
    return replace(freeze, **changes)


def frozen(*freezes: Freeze, now: datetime = NOW) -> Freezes:
    return Freezes(now=now, current=freezes, groups=GROUPS)


def busy(release: Release, holder: str = FREEZE) -> e.Event:
    """The answer of a step that a freeze stops."""
    return answer(e.CircuitBusy, release, holder=holder, frozen=True)


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        ("fleet", ["P001-C001", "P001-C002", "P0011-C001", "P002-C001"]),
        ("P001", ["P001-C001", "P001-C002"]),
        ("P001-C001", ["P001-C001"]),
        ("P00", []),
        ("P001-C00", []),
        ("", []),
    ],
)
def test_a_scope_covers_the_fleet_a_plant_or_a_circuit(scope: str, covered: list[str]) -> None:
    """A part of a name is no scope."""
    circuits = ("P001-C001", "P001-C002", "P0011-C001", "P002-C001")
    assert [each for each in circuits if a_freeze(scope).covers(each)] == covered


def test_a_freeze_counts_from_its_start_to_its_end_unless_it_is_lifted() -> None:
    """The start belongs to it, the end does not."""
    freeze, second = a_freeze(), timedelta(seconds=1)
    assert [freeze.is_active(at) for at in (NOW - second, NOW, NOW + HOUR - second, NOW + HOUR)] == [
        False,
        True,
        True,
        False,
    ]
    assert not replace(freeze, lifted_at=NOW).is_active(NOW)


def test_of_several_freezes_the_one_that_ends_last_is_told() -> None:
    """Waiting ends with it."""
    short, long = a_freeze("P001"), a_freeze("P001-C001", ends_at=NOW + 2 * HOUR)
    elsewhere = a_freeze("P002", ends_at=NOW + 3 * HOUR)
    assert blocking([long, short, elsewhere], ["P001-C001"], NOW) is long
    assert blocking([elsewhere], ["P001-C001"], NOW) is None
    assert blocking([elsewhere], ["P001-C001", "P002-C001"], NOW) is elsewhere


FORWARD = {
    Kind.MODEL: {Phase.WAITING_FOR_CIRCUIT, Phase.RECORDING_PREVIOUS, Phase.DEPLOYING_PRODUCTION},
    Kind.ENVIRONMENT: {Phase.WAITING_FOR_FLEET, Phase.UPDATING},
}


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase not in TERMINAL])
def test_a_freeze_stops_the_steps_before_a_forward_change_and_no_other(phase: Phase) -> None:
    """Never settling, restoring, rolling back, nor anything of a release of kind rollback (I19)."""
    everywhere = frozen(a_freeze())
    stopped = {
        Kind.MODEL: everywhere.holding(a_release(phase)),
        Kind.ENVIRONMENT: everywhere.holding(a_fleet_release(phase)),
        Kind.ROLLBACK: everywhere.holding(a_fleet_release(phase, kind=Kind.ROLLBACK)),
    }
    assert {kind for kind, freeze in stopped.items() if freeze} == {
        kind for kind, phases in FORWARD.items() if phase in phases
    }


def test_a_release_that_must_end_waits_for_no_freeze() -> None:
    """What follows puts production back."""
    release = a_release(Phase.DEPLOYING_PRODUCTION, ending=Phase.ABORTED)
    assert frozen(a_freeze()).holding(release) is None


def test_a_change_that_was_sent_waits_for_azure_and_not_for_a_freeze() -> None:
    """It is read back as always."""
    assert frozen(a_freeze()).holding(a_release(Phase.DEPLOYING_PRODUCTION, submitted=True)) is None
    work = {"goal": Phase.UPDATING, "serial": 1}
    done = a_fleet_target(1, progress=Progress.DONE, **work)
    sent = a_fleet_target(2, progress=Progress.CHANGING, look=1, **work)
    updating = a_fleet_release(Phase.UPDATING, fleet=(done, sent))
    assert frozen(a_freeze()).holding(updating) is None
    not_sent = replace(updating, fleet=(done, replace(sent, look=0)))
    assert frozen(a_freeze("P001-C002")).holding(not_sent) is not None
    assert frozen(a_freeze("P001-C001")).holding(not_sent) is None


def test_a_frozen_release_says_for_what_since_when_until_when_and_who_can_end_it() -> None:
    """The groups are those that may lift."""
    release = a_release(Phase.WAITING_FOR_CIRCUIT)
    said = waiting(release, frozen(a_freeze("P001", starts_at=NOW - HOUR)))

    assert said is not None
    assert said.waits_for == f"the end of the {FREEZE}"
    assert (said.since, said.until) == (release.phase_since, NOW + HOUR)
    assert said.who_can_end_it == ("Engineering-Managers", "ML-Engineers")


def test_a_frozen_update_says_how_far_it_is() -> None:
    """Circuits outside the scope go on."""
    done = a_fleet_target(1, goal=Phase.UPDATING, serial=1, progress=Progress.DONE)
    said = waiting(a_fleet_release(Phase.UPDATING, fleet=(done, a_fleet_target(2))), frozen(a_freeze("P001")))

    assert said is not None
    assert said.waits_for == f"the end of the {FREEZE} (updated: 1 of 2)"


def test_without_a_freeze_in_its_way_a_release_waits_for_what_it_always_does() -> None:
    """A freeze of another plant says nothing here."""
    release = a_release(Phase.DEPLOYING_PRODUCTION)
    assert waiting(release, frozen(a_freeze("P002"))) == waiting(release)


@pytest.mark.parametrize("phase", sorted(FORWARD[Kind.MODEL]))
def test_a_stopped_step_waits_and_tells_it_once(phase: Phase) -> None:
    """No attempt is spent, nothing fails."""
    release = driven_to(phase)

    first = decide(release, busy(release), NOW)
    second = decide(first.release, busy(first.release), NOW)

    assert (first.release.phase, first.release.attempt, first.release.faults) == (phase, release.attempt, 0)
    assert first.release.production_touched == release.production_touched
    assert first.note == f"waits for the end of the {FREEZE}"
    assert (first.commands, second.note) == ((), "")


@pytest.mark.parametrize("phase", sorted(FORWARD[Kind.MODEL]))
def test_time_behind_a_freeze_does_not_count(phase: Phase) -> None:
    """The deadline that was set before does nothing; the step has its whole time after the last frozen look."""
    release = driven_to(phase)
    late = NOW + timedelta(seconds=phase_deadline_s(release) - 1)
    event, at = deadline(release)

    waited = decide(release, busy(release), late).release

    assert waited.deadline_at == late + timedelta(seconds=phase_deadline_s(release))
    assert decide(waited, event, at).release.phase is phase


def test_a_step_that_still_runs_into_its_deadline_names_the_freeze() -> None:
    """The person who is asked must know that nothing is broken."""
    release = driven_to(Phase.RECORDING_PREVIOUS)
    waited = decide(release, busy(release), NOW).release
    event, at = deadline(waited)

    held = decide(waited, event, at).release

    assert held.phase is Phase.HELD
    assert held.reason == f"recording_previous did not end before its deadline; it waited for {FREEZE}"


def test_the_next_look_tries_the_stopped_step_again() -> None:
    """A freeze ends without a message."""
    release = driven_to(Phase.RECORDING_PREVIOUS)
    waited = decide(release, busy(release), NOW).release

    assert kinds(decide(waited, answer(e.LookDue, waited, look=1), NOW)) == ["RecordPrevious"]


def test_a_person_can_abort_and_retry_what_a_freeze_stops() -> None:
    """Production was not touched, so nothing has to go back."""
    release = driven_to(Phase.RECORDING_PREVIOUS)
    waited = decide(release, busy(release), NOW).release
    event, at = deadline(waited)
    held = decide(waited, event, at).release

    assert decide(held, retry(held), at).release.phase is Phase.RECORDING_PREVIOUS


def updating() -> Release:
    """Two targets of one plant, the first one begun, the second waiting for its lane."""
    first = a_fleet_target(1, goal=Phase.UPDATING, serial=1, progress=Progress.CHANGING, touched=True)
    deadline_at, look_at = NOW + 2 * HOUR, NOW + timedelta(seconds=30)
    return a_fleet_release(Phase.UPDATING, fleet=(first, a_fleet_target(2)), deadline_at=deadline_at, look_at=look_at)


def target_frozen(release: Release, key: str = "P001-C001") -> e.Event:
    return e.TargetAnswered(
        event_id=f"{key}-frozen",
        release_id=release.release_id,
        occurred_at=NOW,
        serial=release.serial,
        target_key=key,
        attempt=1,
        look=0,
        outcome=e.Outcome.FROZEN,
        detail=FREEZE,
    )


def test_a_frozen_target_spends_no_attempt_and_is_tried_again_by_the_next_look() -> None:
    """Its first look comes again, because nothing was sent."""
    release = updating()
    decision = decide(release, target_frozen(release), NOW + HOUR)
    target = decision.release.fleet[0]

    assert (target.attempt, target.look, target.progress) == (1, 0, Progress.CHANGING)
    assert target.detail == f"waits for the end of the {FREEZE}"
    assert decision.release.deadline_at == NOW + HOUR + timedelta(seconds=phase_deadline_s(release))
    look = e.LookDue(event_id="look-1", release_id=release.release_id, occurred_at=NOW, serial=release.serial, look=1)
    assert kinds(decide(decision.release, look, NOW + HOUR)) == ["ChangeTarget"]


def test_a_freeze_of_many_targets_is_told_once() -> None:
    """The history is for people."""
    release = updating()
    both = replace(release.fleet[0], key="P001-C002")
    release = replace(release, fleet=(release.fleet[0], both))
    first = decide(release, target_frozen(release), NOW)
    second = decide(first.release, target_frozen(first.release, "P001-C002"), NOW)
    again = decide(second.release, target_frozen(second.release), NOW)

    assert first.note == f"P001-C001: waits for the end of the {FREEZE}"
    assert (second.note, again.note) == ("", "")


CIRCUITS = ("P001-C001", "P002-C001")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"scope": "P003"}, "there is no circuit in 'P003'"),
        ({"why": " "}, "needs a reason"),
        ({"ends_at": NOW}, "must end in the future"),
        ({"starts_at": NOW + 2 * HOUR}, "after it starts"),
        ({"ends_at": NOW + LENGTH_MAX + HOUR}, "at most 30 days"),
        ({"starts_at": NOW + AHEAD_MAX + HOUR, "ends_at": NOW + AHEAD_MAX + 2 * HOUR}, "at most 90 days ahead"),
    ],
)
def test_a_freeze_outside_its_limits_is_refused_with_what_to_do(changes: dict[str, Any], message: str) -> None:
    """A mistyped scope must not let anybody believe that production is frozen."""
    with pytest.raises(InvalidRequest, match=message):
        check_freeze(a_freeze(**changes), CIRCUITS, NOW)


def test_the_longest_freeze_that_is_planned_furthest_ahead_is_accepted() -> None:
    """The limits belong to the range."""
    starts_at = NOW + AHEAD_MAX
    check_freeze(a_freeze("P002", starts_at=starts_at, ends_at=starts_at + LENGTH_MAX), CIRCUITS, NOW)


def test_only_a_person_of_the_named_groups_may_freeze() -> None:
    """An application never decides."""
    check_freezer(GROUPS, an_actor(groups=("Engineering-Managers",)))
    with pytest.raises(NotEligible, match="not a member of ML-Engineers or Engineering-Managers"):
        check_freezer(GROUPS, an_actor(groups=("Operators",)))
    with pytest.raises(NotEligible, match="only a person"):
        check_freezer(GROUPS, an_actor(is_person=False))
