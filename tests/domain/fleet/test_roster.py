"""The roster of targets: what it shares, finds and counts is what a plain list of them says."""

import random
from dataclasses import replace

import pytest

from shared.domain.fleet.roster import Roster, standing_of
from shared.domain.release.model import FleetTarget, Phase, Progress
from tests.support.builders import a_spec

SIZE = 150  # more than two blocks


def a_target(number: int) -> FleetTarget:
    spec = a_spec(endpoint_name=f"endpoint-{number % 7}", deployment_name=f"deployment-{number}")
    return FleetTarget(key=f"P001-C{number:03}", previous=spec)


def plain() -> list[FleetTarget]:
    return [a_target(number) for number in range(SIZE)]


def check_counts(roster: Roster, targets: list[FleetTarget]) -> None:
    """Every place is counted once, under what its target says."""
    counted = {standing: roster.at(places) for standing, places in roster.standings.items()}
    expected: dict[object, list[FleetTarget]] = {}
    for target in targets:
        expected.setdefault(standing_of(target), []).append(target)
    assert counted == expected


def test_after_many_changes_it_says_what_a_plain_list_says() -> None:
    rng, targets = random.Random(7), plain()
    roster = Roster(targets)
    for serial in range(300):
        number = rng.randrange(SIZE)
        targets[number] = replace(
            targets[number],
            goal=rng.choice((None, Phase.CHECKING, Phase.UPDATING)),
            serial=serial % 3,
            progress=rng.choice(tuple(Progress)),
            touched=rng.random() < 0.5,
            superseded_by=rng.choice(("", "somebody")),
        )
        roster = roster.with_changed([targets[number]])
    assert roster == tuple(targets)
    assert [roster.find(target.key) for target in targets] == targets
    check_counts(roster, targets)


def test_a_change_leaves_the_roster_before_it_as_it_was() -> None:
    before = Roster(plain())
    after = before.with_changed([replace(before[70], touched=True)])
    assert before == tuple(plain())
    check_counts(before, plain())
    assert [(place, target.touched) for place, target in after.changed_since(before)] == [(70, True)]


def test_more_targets_come_behind_the_others() -> None:
    targets = plain()
    roster = Roster()
    for start in range(0, SIZE, 11):
        roster = roster.with_more(targets[start : start + 11])
    assert (roster, len(roster)) == (tuple(targets), SIZE)
    assert [target.key for target in roster.at(roster.lanes["endpoint-3"])] == [t.key for t in targets[3::7]]
    check_counts(roster, targets)
    shorter = Roster(targets[:100])
    assert [place for place, _ in roster.changed_since(shorter)] == list(range(100, SIZE))


def test_what_is_no_target_changes_nothing() -> None:
    roster = Roster(plain())
    assert roster.with_changed([a_target(SIZE)]) is roster
    assert roster.find("P009-C001") is None


def test_a_target_stays_on_its_endpoint() -> None:
    """Its lane would be another, and nobody would know."""
    roster = Roster(plain())
    moved = replace(roster[0], previous=replace(roster[0].previous, endpoint_name="elsewhere"))
    with pytest.raises(ValueError, match="stays there"):
        roster.with_changed([moved])


def test_it_is_read_like_a_list() -> None:
    targets = plain()
    roster = Roster(targets)
    assert (roster[0], roster[-1], roster[3:5]) == (targets[0], targets[-1], tuple(targets[3:5]))
    assert list(roster) == targets
    assert roster != Roster(targets[1:])
    with pytest.raises(IndexError):
        roster[SIZE]
