"""The pages say what the code says, and each kind of page has its parts."""

import re
import subprocess
import sys
from enum import StrEnum

import pytest

from shared.application.ports import IntakeResult
from shared.contracts.http.routes import ROUTES
from shared.domain.release.model import Kind, Phase, Verdict
from shared.domain.release.policy import Stage
from tests.docs.pages import REPOSITORY, page

RUNBOOK_PARTS = ["Symptoms", "First look", "What is safe", "What to do", "How to know it worked"]
RECORD_PARTS = ["Context", "Decision", "Consequences"]


def names(folder: str) -> list[str]:
    """The pages of a folder but its index."""
    return sorted(file.name for file in (REPOSITORY / "docs" / folder).glob("*.md") if file.name != "README.md")


@pytest.mark.parametrize("words", [Phase, Verdict, Stage, IntakeResult])
def test_the_glossary_has_every_word_of_the_code(words: type[StrEnum]) -> None:
    """Phases, verdicts, stages and results of the intake."""
    missing = {word.value for word in words} - set(page("docs/glossary.md").spans)

    assert missing == set()


def test_the_board_has_words_for_every_phase_and_stages_for_every_kind() -> None:
    """What has none would be shown as the code calls it."""
    words = (REPOSITORY / "board" / "src" / "words.ts").read_text()
    phases, stages = words.split("export const STAGES")

    assert [phase.value for phase in Phase if f"  {phase.value}: {{" not in phases] == []
    assert [kind.value for kind in Kind if f"  {kind.value}: [" not in stages] == []
    steps = set(re.findall(r"'([a-z_]+)'", stages)) & {phase.value for phase in Phase}
    others = {phase for phase in Phase if phase.is_terminal} | {Phase.HELD, Phase.SETTLING, Phase.RESTORING}
    assert {phase.value for phase in Phase} - steps <= {phase.value for phase in others}


def test_every_phase_is_in_the_picture_of_the_state_machine() -> None:
    picture = page("docs/state-machine.md").code

    assert [phase.value for phase in Phase if phase.value not in picture] == []


def test_the_picture_of_the_state_machine_is_current() -> None:
    checked = subprocess.run([sys.executable, "docs/state_machine.py", "--check"], cwd=REPOSITORY, capture_output=True)

    assert checked.returncode == 0, checked.stderr.decode()


def test_the_changelog_has_a_place_for_the_next_change() -> None:
    assert "[Unreleased]" in page("CHANGELOG.md").headings(2)


def test_the_page_of_the_api_lists_exactly_its_routes_and_how_they_succeed() -> None:
    """The table that the function app serves is the source."""
    declared = {f"{each.method} /api/{each.path}": {str(status) for status in each.told} for each in ROUTES}
    rows = re.findall(
        r"^\| `((?:GET|POST|PUT|DELETE) [^`]+)` \|.*\| ([\d, ]+) \|$", page("docs/api.md").text, re.MULTILINE
    )

    assert {call: set(statuses.split(", ")) for call, statuses in rows} == declared


@pytest.mark.parametrize("name", names("runbooks"))
def test_a_runbook_has_its_parts_in_order_and_is_in_the_index(name: str) -> None:
    assert page(f"docs/runbooks/{name}").headings(2) == RUNBOOK_PARTS
    assert name in page("docs/runbooks/README.md").links


@pytest.mark.parametrize("name", names("adr"))
def test_a_record_has_its_parts_its_date_and_is_in_the_index(name: str) -> None:
    record = page(f"docs/adr/{name}")
    number = int(name[:4])

    assert record.headings(2) == RECORD_PARTS
    assert record.headings(1)[0].startswith(f"{number}. ")
    assert re.search(r"^Date: \d{4}-\d{2}\. Status: (accepted|replaced by \d+)\.$", record.text, re.MULTILINE)
    assert f"[{number}]({name})" in page("docs/adr/README.md").text


def test_records_are_numbered_without_a_gap() -> None:
    assert [int(name[:4]) for name in names("adr")] == list(range(1, len(names("adr")) + 1))


def test_every_invariant_that_the_architecture_claims_names_its_proof() -> None:
    """A row of the table without a test or the simulation is a promise only."""
    rows = re.findall(r"^\| ([IL]\d+) \|(.*)\|$", page("docs/architecture.md").text, re.MULTILINE)

    assert len(rows) >= 20
    assert [number for number, row in rows if "simulation" not in row and "::test_" not in row] == []
