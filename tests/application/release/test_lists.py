"""Lists of releases: pages that lose none, filters, and who a release waits for."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.application.release.lists import SCANNED_MAX, Wanted, list_releases
from shared.application.release.summary import summary_of
from shared.domain.errors import InvalidRequest
from shared.domain.release.model import Approval, Kind, Phase
from shared.domain.release.policy import Stage
from shared.domain.release.specs import gate_digest
from tests.support.benches.release import Bench
from tests.support.builders import NOW, a_fleet_release, a_release, an_actor

GATE = Phase.AWAITING_REGISTRY_APPROVAL


async def three_open_and_three_ended(bench: Bench) -> None:
    for number in range(3):
        await bench.put(a_release(GATE, release_id=f"open-{number}"))
    for number in range(3):
        ended = a_release(Phase.RELEASED, release_id=f"ended-{number}")
        await bench.put(ended)
        await bench.store.close(summary_of(ended), NOW - timedelta(hours=number), 1)


async def walk(bench: Bench, limit: int, wanted: Wanted | None = None) -> list[str]:
    """The ids on all pages, in their order."""
    found, after, pages = [], "", 0
    while True:
        page = await list_releases(bench.ports, limit, after, wanted)
        assert len(page.records) <= limit
        found += [each.release_id for each in page.records]
        after, pages = page.after, pages + 1
        if not after:
            return found
        assert pages < 100


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6, 7, 50])
async def test_pages_together_are_the_whole_list(bench: Bench, limit: int) -> None:
    """Open ones by their ids, then ended ones, the latest end first; none twice, none left out."""
    await three_open_and_three_ended(bench)
    assert await walk(bench, limit) == ["open-0", "open-1", "open-2", "ended-0", "ended-1", "ended-2"]


async def test_releases_that_open_and_end_between_pages_hide_none(bench: Bench) -> None:
    """One that ended meanwhile may be on both pages."""
    await three_open_and_three_ended(bench)
    first = await list_releases(bench.ports, 2)
    await bench.put(a_release(GATE, release_id="aaa"))
    await bench.store.close(summary_of(bench.release("open-2")), NOW, 1)
    rest = await list_releases(bench.ports, 50, first.after)
    assert [each.release_id for each in first.records] == ["open-0", "open-1"]
    assert {each.release_id for each in rest.records} == {"open-2", "ended-0", "ended-1", "ended-2"}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(phase=GATE), ["gate", "other"]),
        (Wanted(kind=Kind.ENVIRONMENT), ["fleet"]),
        (Wanted(circuit="P001-C002"), ["fleet", "other"]),
        (Wanted(circuit="P009-C009"), []),
        (Wanted(since=NOW + timedelta(hours=1)), ["late"]),
        (Wanted(phase=GATE, circuit="P001-C002"), ["other"]),
    ],
)
async def test_a_list_has_only_what_is_wanted(bench: Bench, wanted: Wanted, found: list[str]) -> None:
    gate = a_release(GATE, release_id="gate")
    assert gate.candidate is not None
    await bench.put(gate)
    await bench.put(replace(gate, release_id="other", candidate=replace(gate.candidate, circuit_id="C002")))
    await bench.put(a_fleet_release(Phase.UPDATING, release_id="fleet"))
    await bench.put(a_release(Phase.HELD, release_id="late", phase_since=NOW + timedelta(hours=2)))
    ended = a_release(Phase.RELEASED, release_id="over")
    await bench.put(ended)
    await bench.store.close(summary_of(ended), NOW, 1)
    assert [each for each in await walk(bench, 2, wanted) if each != "over"] == found


async def test_a_page_looks_through_a_bounded_number_and_goes_on(bench: Bench) -> None:
    """Rare ones are found, on a later page: a page is quick, and may be empty."""
    for number in range(SCANNED_MAX + 5):
        await bench.put(a_release(GATE, release_id=f"rel-{number:04}"))
    await bench.put(a_release(Phase.HELD, release_id="zzz"))
    first = await list_releases(bench.ports, 50, wanted=Wanted(phase=Phase.HELD))
    assert (list(first.records), bool(first.after)) == ([], True)
    assert await walk(bench, 50, Wanted(phase=Phase.HELD)) == ["zzz"]


async def test_what_cannot_be_read_is_told_on_its_page(bench: Bench) -> None:
    """It counts as one of the page, whatever is wanted."""
    await three_open_and_three_ended(bench)
    bench.store.unreadable["open-1"] = "it has schema_v 99"
    page = await list_releases(bench.ports, 2, wanted=Wanted(phase=GATE))
    assert [each.release_id for each in page.records] == ["open-0"]
    assert [each.record_id for each in page.records.unreadable] == ["open-1"]


async def test_an_after_that_no_page_had_is_refused(bench: Bench) -> None:
    with pytest.raises(InvalidRequest, match="begin again without it"):
        await list_releases(bench.ports, 50, "elsewhere|x")


def test_a_release_waits_for_whoever_can_move_it_on() -> None:
    """Not for its requester, not for whoever has approved, not for an application."""
    engineer, requester = an_actor(4), an_actor(5)
    release = a_release(GATE, requested_by=(requester.username,))
    assert summary_of(release).waits_for(engineer)
    assert not summary_of(release).waits_for(requester)
    assert not summary_of(release).waits_for(replace(engineer, groups=("somebody else",)))
    assert not summary_of(release).waits_for(replace(engineer, is_person=False))
    assert not summary_of(replace(release, phase=Phase.PROMOTING)).waits_for(engineer)
    digest = gate_digest(release, Stage.REGISTRY)
    yes = Approval(stage=Stage.REGISTRY, actor=engineer, approved=True, digest=digest, reason="", at=NOW)
    assert not summary_of(replace(release, approvals=(yes,))).waits_for(engineer)


def test_a_held_release_waits_for_its_requester_too() -> None:
    """Whoever operates releases can retry or abort."""
    requester = an_actor(2)
    held = a_release(Phase.HELD, requested_by=(requester.username,))
    assert summary_of(held).waits_for(requester)
