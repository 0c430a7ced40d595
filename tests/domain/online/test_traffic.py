"""Slots and distributions: which slot a version gets, and who gets the requests on the way there and back."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.online.model import Distribution, EndpointFound, Shares, Side, SlotFound, TrafficPlan
from shared.domain.online.traffic import (
    choose_slot,
    down,
    going_back,
    is_same,
    served,
    shared_with,
    steps_to,
    told,
)
from tests.support.benches.online import a_slot

NAMES = ("blue", "green")


def found(traffic: Shares, *slots: str, mirror: Shares | None = None, strangers: tuple[str, ...] = ()) -> EndpointFound:
    """An endpoint with these slots, all up."""
    specs = [
        a_slot(Side.PRODUCTION, name, "1", tags={} if name in strangers else {"release_id": "rel-before"})
        for name in (*slots, *strangers)
    ]
    return EndpointFound(
        provisioning="Succeeded",
        traffic=traffic,
        mirror=mirror or {},
        slots=tuple(SlotFound(spec=spec, provisioning="Succeeded") for spec in specs),
    )


@st.composite
def distributions(draw: st.DrawFn) -> Shares:
    """One to six slots that sum to 100; some get nothing."""
    cuts = sorted(draw(st.lists(st.integers(0, 100), max_size=5)))
    edges = [0, *cuts, 100]
    return {f"slot-{number}": after - before for number, (before, after) in enumerate(pairwise(edges))}


@given(distributions(), st.integers(1, 99))
def test_a_share_for_a_new_slot_leaves_the_others_their_proportions(before: Shares, pct: int) -> None:
    """It sums to 100, nobody gets more than before, and nobody is more than one per cent off."""
    shares = shared_with(before, "new", pct)

    assert sum(shares.values()) == 100
    assert shares["new"] == pct
    for name, share in served(before).items():
        assert 0 <= shares[name] <= share
        assert abs(shares[name] - share * (100 - pct) / 100) < 1


@given(distributions(), st.lists(st.integers(1, 99), max_size=4, unique=True), st.integers(0, 50))
def test_every_step_sums_to_100_and_the_last_is_everything(before: Shares, steps: list[int], mirror_pct: int) -> None:
    plan = TrafficPlan(steps_pct=tuple(sorted(steps)), mirror_pct=mirror_pct, share_s=60)

    planned = steps_to("new", before, {}, plan)

    assert all(sum(step.traffic.values()) == 100 for step in planned)
    assert planned[-1].traffic == {"new": 100}
    assert planned[-1].share_s == 0
    shares = [step.traffic.get("new", 0) for step in planned]
    assert shares == sorted(shares)


@given(distributions(), st.integers(1, 99))
def test_what_served_before_goes_back_exactly(before: Shares, pct: int) -> None:
    """Also what got nothing, as long as it is there."""
    everything = found({**before, "new": 0}, *before, "new")

    assert going_back(before, everything) == before
    assert is_same(Distribution(traffic=going_back(before, found({}))), Distribution(traffic=before))


def test_copies_come_first_and_change_nobodys_answers() -> None:
    plan = TrafficPlan(steps_pct=(30,), mirror_pct=20, share_s=60)

    first, *_ = steps_to("green", {"blue": 100}, {}, plan)

    assert (first.traffic, first.mirror, first.share_s) == ({"blue": 100}, {"green": 20}, 60)


def test_copies_that_somebody_else_has_are_left_alone() -> None:
    """An endpoint copies its requests to one slot only."""
    plan = TrafficPlan(steps_pct=(30,), mirror_pct=20, share_s=60)

    assert [step.traffic["green"] for step in steps_to("green", {"blue": 100}, {"red": 10}, plan)] == [30, 100]


@pytest.mark.parametrize("before", [{}, {"blue": 0}])
def test_where_nothing_served_it_is_one_step(before: Shares) -> None:
    (only,) = steps_to("green", before, {}, TrafficPlan(steps_pct=(10, 30), mirror_pct=20))

    assert only.traffic == {"green": 100}


@pytest.mark.parametrize(
    ("there", "preferred", "asked", "slot"),
    [
        (None, "green", "", "green"),
        (None, "", "", "blue"),
        (found({"green": 100}, "green"), "green", "", "blue"),
        (found({"blue": 100}, "blue", "green"), "", "", "green"),
        (found({"blue": 100}, "blue"), "blue", "", "green"),
        (found({"blue": 100}, "blue", strangers=("red",)), "green", "", "green"),
        (found({"Blue": 100}, "Blue"), "blue", "", "green"),
        (found({"blue": 0, "green": 100}, "blue", "green"), "green", "blue", "blue"),
    ],
)
def test_the_slot_is_one_that_serves_nothing(
    there: EndpointFound | None, preferred: str, asked: str, slot: str
) -> None:
    """The one that was asked for, else the preferred one, else the first."""
    choice = choose_slot(there, NAMES, preferred, asked)

    assert (choice.slot, choice.refusal) == (slot, "")


@pytest.mark.parametrize(
    ("there", "names", "asked", "refusal"),
    [
        (found({"blue": 100}, "blue"), ("blue",), "", "slot blue serves 100 %"),
        (found({"blue": 60, "green": 40}, *NAMES), NAMES, "", "slot green serves 40 %"),
        (found({"blue": 100}, "blue", strangers=("green",)), NAMES, "", "slot green is a deployment that no release"),
        (found({"blue": 100}, *NAMES, mirror={"green": 10}), NAMES, "", "slot green serves 10 %"),
        (found({"blue": 100}, "blue"), NAMES, "blue", "slot blue serves 100 %"),
        (found({"blue": 100}, "blue"), NAMES, "purple", "has no slot purple"),
    ],
)
def test_a_slot_that_serves_or_is_a_strangers_is_never_taken(
    there: EndpointFound, names: tuple[str, ...], asked: str, refusal: str
) -> None:
    choice = choose_slot(there, names, "", asked)

    assert choice.slot == ""
    assert refusal in choice.refusal


def test_slots_that_are_not_up_are_named_before_they_get_traffic() -> None:
    there = found({"blue": 100}, "blue")

    assert down(Distribution(traffic={"blue": 70, "green": 30}), there) == ["green"]
    assert down(Distribution(traffic={"Blue": 100, "red": 0}), there) == []


def test_a_distribution_is_told_without_those_that_get_nothing() -> None:
    assert told({"green": 30, "blue": 70, "red": 0}) == "blue 70 %, green 30 %"
    assert told({"red": 0}) == "nobody"
