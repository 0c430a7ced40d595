"""Every page: no fault that axe finds, in either theme and at either width; no scrolling to the side; keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from local.supervisor.parts import REPOSITORY
from tests.board.conftest import People
from tests.board.works import CIRCUITS, Works

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

AXE = REPOSITORY / "board" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LISTS = ["/", "/waiting", "/releases", "/alerts", "/models", "/trainings", "/changes", "/freezes", "/audit", "/nowhere"]


@pytest.fixture(scope="module")
def addresses(works: Works) -> list[str]:
    """Of every kind of page, with something on it."""
    release, _ = works.at_registry_gate(CIRCUITS[3]), works.at_registry_gate(CIRCUITS[4])
    works.as_person("engineer-1").freeze({"scope": "P003", "reason": "yearly clean-down", "hours": 30})
    works.fire("batch-job-failure", CIRCUITS[3])
    return [*LISTS, f"/releases/{release.release_id}", f"/circuits/{CIRCUITS[3]}", f"/?open={CIRCUITS[3]}"]


def faults(page: Page) -> list[str]:
    """What axe finds, with the element."""
    page.evaluate(Path(AXE).read_text())
    found: list[dict[str, Any]] = page.evaluate(
        "(tags) => axe.run(document, { runOnly: tags }).then((result) => result.violations)", RULES
    )
    return [f"{each['id']}: {node['target']} {node['failureSummary']}" for each in found for node in each["nodes"]]


@pytest.mark.parametrize(("width", "theme"), [(1440, "dark"), (375, "light")])
def test_axe_finds_nothing_on_any_page_and_none_scrolls_to_the_side(
    works: Works, people: People, addresses: list[str], width: int, theme: str
) -> None:
    page = people("Engineer One", "/releases", width=width, theme=theme)
    found = {}
    for address in addresses:
        page.goto(works.url + address)
        page.get_by_role("heading", level=1).wait_for()
        page.wait_for_function("() => !document.querySelector('[aria-busy=true]')")
        sideways = page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
        found[address] = [*faults(page), *([f"{sideways} px too wide"] if sideways > 0 else [])]

    assert {address: each for address, each in found.items() if each} == {}


def test_the_board_can_be_used_with_the_keyboard_alone(people: People, addresses: list[str]) -> None:
    page = people("Engineer One", "/releases")
    page.get_by_role("heading", name="Releases").wait_for()

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.press("Escape")
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("g")
    page.keyboard.press("w")
    expect(page.get_by_role("heading", name="Waiting on me", level=1)).to_be_visible()
    page.get_by_role("checkbox").first.wait_for()
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.get_by_role("button", name="Approve 1…")).to_be_visible()


def test_a_dialog_that_ends_leaves_the_focus_that_somebody_has_moved_on(people: People, addresses: list[str]) -> None:
    """A browser closes the dialog at once and tells of it in a later task: a key that is quicker than that counts."""
    page = people("Engineer One", "/releases")
    page.get_by_role("heading", name="Releases").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keys")).to_be_focused()

    page.evaluate("document.querySelector('dialog').close(); document.querySelector('[data-search]').focus()")

    expect(page.locator("dialog")).to_have_count(0)
    expect(page.get_by_role("searchbox")).to_be_focused()


def test_arrows_move_through_the_map_and_escape_gives_the_focus_back(people: People, addresses: list[str]) -> None:
    page = people("Engineer One", "/")
    cells = page.get_by_role("grid").get_by_role("button")
    cells.first.focus()
    page.keyboard.press("ArrowRight")
    expect(cells.nth(1)).to_be_focused()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Its page, with its history")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Its page, with its history")).to_have_count(0)
    expect(cells.first).to_be_focused()


def test_the_fleet_shows_what_every_circuit_runs_and_what_holds_it(people: People, addresses: list[str]) -> None:
    """As the sweep read it back last; a plant in which nothing runs yet is there too."""
    page = people("Viewer One", "/")
    grid = page.get_by_role("grid")

    expect(grid.get_by_role("button", name=f"{CIRCUITS[0].circuit_id} of {CIRCUITS[0].plant_id}")).to_contain_text(
        "runs :", timeout=60_000
    )
    expect(grid.get_by_role("button", name="C012 of P003")).to_contain_text("Nothing runs")
    page.get_by_role("button", name="Environment").click()
    expect(page.get_by_text("1.5.0 on")).to_be_visible()
