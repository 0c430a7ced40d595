"""People decide on releases in the browser: what they see is what they sign."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.board.conftest import People
from tests.board.works import CIRCUITS, Works

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

FIRST, SECOND, THIRD = CIRCUITS[:3]


def test_an_engineer_opens_a_gate_from_a_mail_and_approves_it_on_a_phone(works: Works, people: People) -> None:
    """The link opens the gate, after signing in; the digest that was shown is what is signed."""
    release = works.at_registry_gate(FIRST)
    assert release.gate

    page = people("Engineer One", f"/releases/{release.release_id}", width=375)
    expect(page.get_by_role("heading", level=1)).to_contain_text("model :2")
    expect(page.get_by_text("Step 2 of 9: Registry gate")).to_be_visible()
    page.get_by_role("button", name="Approve…").click()
    question = page.get_by_role("dialog")
    expect(question.get_by_role("heading", name="Approve P001/C001 :2 at the registry gate?")).to_be_focused()
    expect(question).to_contain_text(release.gate.digest)
    question.get_by_label("Reason").fill("better on the same rows")
    question.get_by_role("button", name="Approve").click()

    expect(page.get_by_role("status").filter(has_text="accepted")).to_be_visible()
    expect(page.get_by_role("heading", name="History of this release")).to_be_visible()
    expect(page.get_by_role("listitem").filter(has_text="better on the same rows")).to_contain_text("Engineer One")
    assert any(entry.actor == "Engineer One" for entry in works.desk.history(release.release_id).entries)


def test_a_rejection_needs_a_reason_and_is_not_sent_without(works: Works, people: People) -> None:
    release = works.at_registry_gate(SECOND)

    page = people("Engineer Two", f"/releases/{release.release_id}")
    page.get_by_role("button", name="Reject…").click()
    question = page.get_by_role("dialog")
    question.get_by_role("button", name="Reject").click()
    expect(question).to_contain_text("Say why")
    page.keyboard.press("Escape")
    expect(question).to_have_count(0)
    expect(page.get_by_role("button", name="Reject…")).to_be_focused()
    page.get_by_role("button", name="Reject…").click()
    page.get_by_role("dialog").get_by_label("Reason").fill("trained on the days of the repair")
    page.get_by_role("dialog").get_by_role("button", name="Reject").click()

    expect(page.get_by_role("main")).to_contain_text("Rejected")
    assert works.desk.follow(release.release_id).phase == "rejected"


def test_a_viewer_reads_everything_and_is_offered_nothing(works: Works, people: People) -> None:
    release = works.at_registry_gate(THIRD)

    page = people("Viewer One", f"/releases/{release.release_id}")

    expect(page.get_by_text("You can read this and not decide")).to_be_visible()
    expect(page.get_by_text("sensor_model_P001_C003:2").first).to_be_visible()
    for name in ("Approve…", "Reject…", "Abort the release…"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
