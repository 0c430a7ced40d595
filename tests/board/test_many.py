"""Several gates in one go, two people at once, and what is told to whoever was slower."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import expect

from cli.views import Release
from tests.board.browser import PATIENCE_MS
from tests.board.conftest import People
from tests.board.works import CIRCUITS, NEW, Works
from tests.support.processes import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

SHARED = CIRCUITS[4]


def test_an_engineer_approves_twelve_similar_gates_in_one_go(works: Works, people: People) -> None:
    """The list is shown with its digests, each is answered by itself, and one that somebody else decided says so."""
    with ThreadPoolExecutor(4) as pool:
        waiting = list(pool.map(works.at_registry_gate, NEW))

    page = people("Engineer One", "/waiting?find=P003")
    page.get_by_role("checkbox", name="Select all of: Models to the registry").check()
    page.get_by_role("button", name="Approve 12…").click()
    question = page.get_by_role("dialog")
    for release in waiting:
        assert release.gate
        expect(question.get_by_text(release.gate.digest[:8])).to_be_visible()
    quicker, *others = waiting
    works.desk.reject(quicker, "engineer-2", "not this one")
    question.get_by_role("button", name="Approve 12").click()

    expect(page.get_by_role("status").filter(has_text="11 decided, 1 not sent")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="P003/C001")).to_contain_text("Engineer Two")
    assert works.desk.read(quicker.release_id).phase == "rejected"
    for release in others:
        assert until(lambda of=release: _approvals(works, of), deadline_s=60) == ["Engineer One"]


def _approvals(works: Works, release: Release) -> list[str]:
    """Who decided on it; empty until the app has carried it out."""
    return [each.actor for each in works.desk.history(release.release_id).entries if each.event == "ApprovalSubmitted"]


def test_whoever_is_slower_is_told_and_keeps_what_was_typed(works: Works, people: People) -> None:
    """The page of the second person shows what the first one did, without reloading, within three seconds of it."""
    release = works.at_registry_gate(SHARED)
    page = people("Engineer One", f"/releases/{release.release_id}")
    page.get_by_role("button", name="Reject…").click()
    question = page.get_by_role("dialog")
    question.get_by_label("Reason").fill("the range looks wrong")

    works.desk.approve(release, "engineer-2")
    expect(page.locator("#main").get_by_text("Engineer Two approved registry")).to_be_attached(timeout=PATIENCE_MS)
    question.get_by_role("button", name="Reject").click()

    expect(question.get_by_role("alert")).to_contain_text("What you typed is kept")
    expect(question.get_by_label("Reason")).to_have_value("the range looks wrong")
