"""The command for changes: the list, one change, and what is wrong with it."""

from dataclasses import replace

from shared.contracts.http.changes import ChangeList, change_summary_of, change_view_of
from shared.domain.changes.record import ChangeState
from tests.cli.conftest import App, Run
from tests.contract.tables.test_change_log import a_change, a_full_change

CHANGE = "a" * 40


def test_changes_are_listed_with_what_they_led_to(server: App, run: Run) -> None:
    refused = replace(a_change("b"), state=ChangeState.REFUSED, title="A mistake", problems_total=2)
    taken = replace(a_full_change(text="More days"), problems=(), problems_total=0, pr_number="PR-7")
    changes = ChangeList(changes=[change_summary_of(refused), change_summary_of(taken)], in_force=CHANGE)
    server.on("GET /api/changes?limit=20", changes)
    shown = run("changes")
    assert shown.exit_code == 0
    output = " ".join(shown.output.split())
    for text in (
        "bbbbbbbbbbbb",
        "refused",
        "2 mistakes",
        "aaaaaaaaaaaa",
        "taken",
        "PR-7",
        f"in force is that of commit {CHANGE}",
    ):
        assert text in output, text


def test_a_change_is_shown_by_the_first_digits_of_its_commit(server: App, run: Run) -> None:
    """With runs and mistakes; texts of the repository cannot command the terminal."""
    change = a_full_change(text="More\x1b[2Jdays")
    server.on("GET /api/changes?limit=200", ChangeList(changes=[change_summary_of(change)]))
    server.on(f"GET /api/changes/{CHANGE}", change_view_of(change))
    shown = run("changes", "AAAAAAAA")
    assert shown.exit_code == 0
    assert "\x1b" not in shown.output
    for text in ("P001-C001", change.circuits[0].run_id, "2025-12-20", "1 of 1 mistakes"):
        assert text in shown.output, text


def test_digits_that_name_no_change_or_several_are_refused(server: App, run: Run) -> None:
    listed = [change_summary_of(a_change()), change_summary_of(replace(a_change(), title="x"))]
    server.on("GET /api/changes?limit=200", ChangeList(changes=listed))
    for text, said in (("aaaaaaa", "2 of the latest 2"), ("bbbbbbb", "0 of the latest 2"), ("aaa", "at least 7")):
        shown = run("changes", text)
        assert shown.exit_code == 1
        assert said in shown.output


def test_without_changes_it_says_so(server: App, run: Run) -> None:
    server.on("GET /api/changes?limit=20", ChangeList(changes=[]))
    output = run("changes").output
    assert "No change has come in yet." in output
    assert "The configuration in force is the one that the app was published with." in output
