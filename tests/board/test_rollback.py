"""On call: an alert, the release that it is about, the way back, and what is written about it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.board.conftest import People
from tests.board.works import CIRCUITS, Works

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

CIRCUIT = CIRCUITS[1]
ENDS_MS = 60_000


def test_on_call_sees_an_alert_rolls_back_watches_it_end_and_takes_the_post_mortem(
    works: Works, people: People, tmp_path: Path
) -> None:
    gate = works.at_registry_gate(CIRCUIT)
    works.desk.approve(gate, "engineer-2")
    works.desk.approve(works.desk.follow(gate.release_id), "engineer-2")
    assert works.desk.follow(gate.release_id).phase == "released"
    works.fire("batch-job-failure", CIRCUIT)

    page = people("Engineer One", "/alerts")
    alert = page.get_by_role("group").filter(has_text=f"Batch jobs failed in {CIRCUIT}").last
    alert.click()
    expect(alert.get_by_role("heading", name="Why")).to_be_visible()

    page.goto(f"{works.url}/releases/{gate.release_id}")
    page.get_by_role("button", name="Roll back…").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text(f"{CIRCUIT} goes back to")
    question.get_by_label("Reason").fill("its jobs fail")
    question.get_by_role("button", name="Roll back").click()
    expect(question.get_by_role("alert")).to_contain_text("Choose")
    question.get_by_label("At once: it is critical").check()
    question.get_by_role("button", name="Roll back").click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("back to what ran before")
    expect(page.get_by_text("1 of 1 are back.")).to_be_visible(timeout=ENDS_MS)
    expect(page.get_by_role("img", name="Identify, execute, verify")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Markdown").click(timeout=ENDS_MS)
    download.value.save_as(tmp_path / "saved")
    written = (tmp_path / "saved").read_text()
    assert "its jobs fail" in written
    assert "1 restored" in written
    assert "## Cause" in written
