"""Reading releases from a terminal."""

import json
from datetime import timedelta

from shared.contracts.http.monitoring import MonitoringCheckView, MonitoringView
from shared.contracts.http.releases import CheckRunView, EarlierView, HistoryList, HistoryView, ReleaseList
from shared.contracts.http.unreadable import UnreadableView
from tests.cli.conftest import DIGEST, OPENED, RELEASE, TOKEN, App, Run, problem, summary, view

PATH = f"/api/releases/{RELEASE}"


def entry(number: int, **changes: object) -> HistoryView:
    content = {
        "number": number,
        "at": OPENED + timedelta(minutes=number),
        "event": "ApprovalSubmitted",
        "actor": "Engineer One",
        "actor_id": "33333333",
        "phase_before": "awaiting_registry_approval",
        "phase_after": "promoting",
        "note": "Engineer One approved registry",
        "digest": "abcdef0123456789" * 4,
    }
    return HistoryView(**{**content, **changes})


def test_the_list_shows_what_each_release_waits_for_and_until_when(server: App, run: Run) -> None:
    """Two lines per release: id and phase, what it waits for and the time left."""
    ended = view("rejected", release_id="other-release", reason="Engineer Two rejected registry: mae too high")
    server.on("GET /api/releases", ReleaseList(releases=[summary(view()), summary(ended)]))
    shown = run("releases", env={"COLUMNS": "300"})
    assert shown.exit_code == 0
    for text in (RELEASE, "awaiting_registry_approval", "a decision on registry by ML-Engineers", "in 23 h 59 min"):
        assert text in shown.output
    assert "mae too high" in shown.output
    assert server.tokens == {f"Bearer {TOKEN}"}


def test_ids_of_releases_stay_whole_in_a_terminal_of_80_columns(server: App, run: Run) -> None:
    """They are what people copy."""
    server.on("GET /api/releases", ReleaseList(releases=[summary(view(phase="awaiting_production_approval"))]))
    shown = run("releases", env={"COLUMNS": "80"}).output
    for text in (RELEASE, "awaiting_production_approval", "a decision on registry by ML-Engineers"):
        assert text in shown


def test_what_the_app_cannot_read_is_told_with_its_id_and_counted(server: App, run: Run) -> None:
    """Below nothing as well: an empty list with it is not an empty list."""
    unreadable = [UnreadableView(id="from-the-future", reason="it has [bold]schema_v 99")]
    server.on("GET /api/releases", ReleaseList(releases=[], unreadable=unreadable))
    shown = run("releases")
    assert shown.exit_code == 0
    assert "unreadable: from-the-future: it has [bold]schema_v 99" in shown.output
    assert "1 of the list could not be read" in shown.output


def test_parts_of_an_answer_tell_what_the_app_cannot_read_too(server: App, run: Run) -> None:
    check = MonitoringCheckView(
        period="2026-01",
        levels={},
        without_check=[],
        circuits=[],
        unreadable=[UnreadableView(id="P001-C001", reason="it was cut")],
    )
    proposals = [UnreadableView(id="P001-C002", reason="it has schema_v 99")]
    view = MonitoringView(performance=check, drift=check, proposals=[], unreadable_proposals=proposals)
    server.on("GET /api/monitoring", view)
    shown = run("monitoring").output
    assert "unreadable: P001-C001: it was cut" in shown
    assert "unreadable: P001-C002: it has schema_v 99" in shown


def test_the_list_is_read_page_by_page_up_to_the_limit(server: App, run: Run) -> None:
    """Also behind a page that holds none; what the app cannot read is told of all pages."""
    server.on(
        "GET /api/releases",
        ReleaseList(releases=[summary(view(release_id="rel-1"))], next="one"),
        ReleaseList(releases=[], unreadable=[UnreadableView(id="odd", reason="it was cut")], next="two"),
        ReleaseList(releases=[summary(view(release_id="rel-2"))], next="three"),
    )
    shown = run("releases", "--limit", "2", "--phase", "held", "--mine", "--circuit", "P001/C001").output
    assert [each in shown for each in ("rel-1", "rel-2", "unreadable: odd", "--limit 4")] == [True] * 4
    asked = "phase=held&circuit=P001%2FC001&waiting_for=me"
    assert server.asked == [
        f"GET /api/releases?limit=2&{asked}",
        f"GET /api/releases?limit=1&after=one&{asked}",
        f"GET /api/releases?limit=1&after=two&{asked}",
    ]


def test_a_filter_that_finds_nothing_does_not_say_that_there_are_no_releases(server: App, run: Run) -> None:
    server.on("GET /api/releases", ReleaseList(releases=[]))
    assert "There are no such releases." in run("releases", "--mine").output


def test_an_empty_list_says_how_a_release_opens(server: App, run: Run) -> None:
    """Not just an empty table."""
    server.on("GET /api/releases", ReleaseList(releases=[]))
    assert "register a model" in run("releases").output


def test_a_release_is_shown_with_its_gate_facts_digest_and_check_runs(server: App, run: Run) -> None:
    """Everything an approver needs, and the command to type next."""
    runs = [CheckRunView(attempt=1, job_name="job-7", verdict="passed", detail="Completed")]
    server.on(f"GET {PATH}", view(check_runs=runs))
    shown = run("show", RELEASE)
    assert shown.exit_code == 0
    for text in ("gate of registry", "mae 0.41, rmse 0.52", DIGEST, "1 of ML-Engineers", "job-7", "passed"):
        assert text in shown.output
    assert f"approve {RELEASE}" in shown.output


def test_a_later_attempt_shows_how_the_ones_before_ended(server: App, run: Run) -> None:
    earlier = EarlierView(
        release_id="first-attempt",
        phase="rolled_back",
        ended_at=OPENED,
        reason="batch jobs failed",
        decisions=["Engineer One approved registry"],
        rolled_back="batch jobs failed",
    )
    server.on(f"GET {PATH}", view(version_attempt=2, earlier=[earlier]))
    server.on("GET /api/releases", ReleaseList(releases=[summary(view(version_attempt=2))]))
    shown = run("show", RELEASE, env={"COLUMNS": "300"}).output
    for text in (
        "2 of sensor-model:1",
        "first-attempt rolled_back: batch jobs failed",
        "Engineer One approved registry",
    ):
        assert text in shown
    assert "attempt 2" in run("releases", env={"COLUMNS": "300"}).output


def test_an_ended_release_says_how_to_have_it_again_or_what_followed(server: App, run: Run) -> None:
    server.on(f"GET {PATH}", view("expired"))
    assert f"again {RELEASE}" in run("show", RELEASE).output
    server.on(f"GET {PATH}", view("expired", again_as="second-attempt"))
    shown = run("show", RELEASE).output
    assert "second-attempt" in shown
    assert f"again {RELEASE}" not in shown


def test_json_is_the_answer_of_the_api_unchanged(server: App, run: Run) -> None:
    """For scripts: every field, also those the tables leave out."""
    server.on(f"GET {PATH}", view())
    shown = run("show", RELEASE, "--json")
    assert json.loads(shown.stdout) == json.loads(server.answers[f"GET {PATH}"][0][1].model_dump_json())


def test_the_history_says_who_what_when_and_that_the_chain_fits(server: App, run: Run) -> None:
    """The audit trail."""
    told = HistoryList(release_id=RELEASE, verified=True, entries=[entry(1)])
    server.on(f"GET {PATH}/history", told)
    shown = run("history", RELEASE)
    assert shown.exit_code == 0
    for text in ("Engineer One", "2026-01-05 08:01:00Z", "promoting", "complete and unchanged"):
        assert text in shown.output


def test_what_moved_nothing_is_counted_and_shown_on_request(server: App, run: Run) -> None:
    """A newcomer takes a repeated answer for a fault. What a person did is always shown."""
    repeated = entry(2, actor="app", actor_id="", phase_before="promoting", phase_after="promoting", note="came twice")
    said = entry(3, phase_before="promoting", phase_after="promoting", note="approved once more")
    told = HistoryList(release_id=RELEASE, verified=True, entries=[entry(1), repeated, said])
    server.on(f"GET {PATH}/history", told)

    short, long = run("history", RELEASE).output, run("history", RELEASE, "--all").output

    assert "came twice" not in short
    assert "approved once more" in short
    assert "1 of them moved nothing" in short
    assert "came twice" in long


def test_a_history_that_was_changed_ends_with_status_1(server: App, run: Run) -> None:
    """Also with --json, so that a script notices."""
    told = HistoryList(release_id=RELEASE, verified=False, entries=[entry(1)])
    server.on(f"GET {PATH}/history", told)
    for options in ([], ["--json"]):
        shown = run("history", RELEASE, *options)
        assert shown.exit_code == 1
        assert "does not fit" in shown.stderr


def test_watching_follows_a_release_until_it_needs_a_person(server: App, run: Run) -> None:
    """Each phase once; then the gate and what to type, status 2."""
    server.on(f"GET {PATH}", view("verifying"), view("verifying"), view())
    shown = run("watch", RELEASE, "--every", "0.1")
    assert shown.exit_code == 2
    assert shown.output.count("verifying") == 1
    assert "mae 0.41" in shown.output
    assert f"reject {RELEASE}" in shown.output


def test_watching_ends_with_a_status_that_tells_released_from_ended_otherwise(server: App, run: Run) -> None:
    """0 for released, 3 for a release that failed."""
    server.on(f"GET {PATH}", view("promoting"), view("released"))
    assert run("watch", RELEASE, "--every", "0.1").exit_code == 0
    server.on(f"GET {PATH}", view("failed", reason="the test inference failed"))
    shown = run("watch", RELEASE, "--every", "0.1")
    assert shown.exit_code == 3
    assert "the test inference failed" in shown.output


def test_watching_ends_when_the_time_is_over_and_the_release_goes_on(server: App, run: Run) -> None:
    """Status 4; a release that ended at the last look has ended."""
    server.on(f"GET {PATH}", view("promoting"))
    shown = run("watch", RELEASE, "--every", "0.1", "--timeout", "0.2s")
    assert shown.exit_code == 4
    assert "goes on" in shown.stderr
    server.on(f"GET {PATH}", view("released"))
    assert run("watch", RELEASE, "--timeout", "0").exit_code == 0


def test_watching_refuses_a_length_of_time_that_is_none(server: App, run: Run) -> None:
    """Before anything is asked for long."""
    server.on(f"GET {PATH}", view("promoting"))
    shown = run("watch", RELEASE, "--timeout", "soon")
    assert shown.exit_code == 1
    assert "write it like 90s, 30m or 2h" in shown.stderr


def test_watching_survives_an_app_that_is_away_for_a_moment(server: App, run: Run) -> None:
    """503 is "not now", not the end."""
    server.on(f"GET {PATH}", view("promoting"), problem(503, "the store does not answer"), view("released"))
    shown = run("watch", RELEASE, "--every", "0.1")
    assert shown.exit_code == 0
    assert "still watching" in shown.stderr


def test_texts_from_tags_cannot_command_the_terminal(server: App, run: Run) -> None:
    """A tag with an escape sequence or markup is shown as text."""
    hostile = "\x1b]0;owned\x07[bold]P001[/bold]\u202e"
    server.on(f"GET {PATH}", view(circuit=hostile, reason="[link=http://x]y[/link]"))
    shown = run("show", RELEASE)
    assert "[bold]P001[/bold]" in shown.output
    assert "[link=http://x]y[/link]" in shown.output
    assert not {"\x1b", "\x07", "\u202e"} & set(shown.output)


def test_a_release_that_was_undone_says_so_in_the_list_and_alone(server: App, run: Run) -> None:
    """What it says of production is no longer true, and rolling it back again is not offered."""
    undone = view("released", undone_by="its-rollback-1", reason="production runs it", production_touched=True)
    server.on("GET /api/releases", ReleaseList(releases=[summary(undone)]))
    server.on(f"GET {PATH}", undone)
    listed = run("releases", env={"COLUMNS": "200"}).output
    assert "undone by its-rollback-1" in listed
    assert "production runs it" not in listed
    shown = run("show", RELEASE, env={"COLUMNS": "200"}).output
    for text in ("released, undone", "its-rollback-1", "put back since", "again"):
        assert text in shown
    assert "Roll back:" not in shown
