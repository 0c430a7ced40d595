"""Freezes from a terminal: setting, listing and lifting them, and how a frozen release reads."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.contracts.http.freezes import FreezeList, FreezeRequest, FreezeView
from shared.contracts.http.releases import WaitingView
from tests.cli.conftest import OPENED, RELEASE, App, Run, problem, view

FREEZE_ID = "p001-1a2b3c4d"


def a_freeze(**changes: Any) -> FreezeView:
    """A freeze of plant P001 that is active for another two hours."""
    content: dict[str, Any] = {
        "freeze_id": FREEZE_ID,
        "scope": "P001",
        "who": "Person 2",
        "reason": "stocktaking",
        "starts_at": OPENED,
        "ends_at": datetime.now(UTC) + timedelta(hours=2, seconds=30),
        "active": True,
        "lifted_at": None,
        "lifted_by": "",
        "lift_reason": "",
    }
    return FreezeView(**{**content, **changes})


def test_freezing_shows_what_it_does_asks_and_says_how_to_end_it(server: App, run: Run) -> None:
    """A circuit may be written as it is shown elsewhere."""
    server.on("POST /api/freezes", (201, a_freeze(scope="P001-C001")))
    shown = run("freeze", "P001/C001", "--reason", "stocktaking", "--hours", "2", input="y\n")
    assert shown.exit_code == 0
    assert server.bodies == [("/api/freezes", {"scope": "P001-C001", "reason": "stocktaking", "hours": 2.0})]
    assert "for 2 h" in shown.output
    assert "Rollbacks and aborts are never stopped" in " ".join(shown.output.split())
    assert f"lift {FREEZE_ID} --reason" in shown.output


def test_nothing_is_sent_when_the_answer_is_no(server: App, run: Run) -> None:
    """Nor without an answer."""
    for typed in ("n\n", ""):
        assert run("freeze", "fleet", "--reason", "r", "--hours", "2", input=typed).exit_code == 1
    assert server.bodies == []


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("2026-12-01T06:00", "2026-12-01T06:00:00Z"),
        ("2026-12-01 06:00+01:00", "2026-12-01T05:00:00Z"),
        ("2026-12-01", "2026-12-01T00:00:00Z"),
    ],
)
def test_times_are_utc_unless_they_say_so(server: App, run: Run, typed: str, sent: str) -> None:
    """What is sent is what the API takes."""
    planned = a_freeze(scope="fleet", active=False, starts_at=datetime(2026, 11, 30, tzinfo=UTC))
    server.on("POST /api/freezes", (201, planned))
    shown = run("freeze", "fleet", "--reason", "year's end", "--until", typed, "--from", "2026-11-30", "--yes")
    assert shown.exit_code == 0
    ((_, body),) = server.bodies
    assert body == {
        "scope": "fleet",
        "reason": "year's end",
        "until": sent,
        "starts_at": "2026-11-30T00:00:00Z",
    }
    assert FreezeRequest.model_validate_json(json.dumps(body)).until is not None
    assert "Planned: fleet from 2026-11-30 00:00:00Z" in shown.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give either --until or --hours"),
        (("--until", "2026-12-01", "--hours", "2"), "give either --until or --hours"),
        (("--until", "tomorrow"), "'tomorrow' is no time"),
        (("--hours", "2", "--reason", " "), "needs a reason"),
    ],
)
def test_what_cannot_be_meant_is_not_sent(server: App, run: Run, arguments: tuple[str, ...], said: str) -> None:
    """With what to type instead."""
    shown = run("freeze", "fleet", "--reason", "r", *arguments, "--yes")
    assert (shown.exit_code, server.bodies) == (1, [])
    assert said in shown.stderr


def test_a_refusal_of_the_app_is_shown_in_its_words(server: App, run: Run) -> None:
    """It knows the fleet and who may freeze it."""
    server.on("POST /api/freezes", problem(400, "there is no circuit in 'P099': give fleet, a plant or a circuit"))
    shown = run("freeze", "P099", "--reason", "r", "--hours", "2", "--yes")
    assert shown.exit_code == 1
    assert "there is no circuit in 'P099'" in shown.stderr


def test_freezes_are_listed_with_state_end_person_reason_and_who_can_lift(server: App, run: Run) -> None:
    planned = a_freeze(freeze_id="fleet-2", scope="fleet", active=False, starts_at=datetime(2026, 12, 24, tzinfo=UTC))
    listed = FreezeList(freezes=[a_freeze(), planned], who_can_lift=["Engineering-Managers", "ML-Engineers"])
    server.on("GET /api/freezes", listed)
    shown = run("freezes")
    assert shown.exit_code == 0
    for text in (FREEZE_ID, "active", "in 2 h", "Person 2", "stocktaking", "starts 2026-12-24 00:00:00Z"):
        assert text in shown.output
    assert "Members of Engineering-Managers or ML-Engineers can lift them." in shown.output
    assert json.loads(run("freezes", "--json").output) == listed.model_dump(mode="json")


def test_without_freezes_the_list_says_so(server: App, run: Run) -> None:
    server.on("GET /api/freezes", FreezeList(freezes=[], who_can_lift=["ML-Engineers"]))
    assert run("freezes").output == "Nothing is frozen.\n"


def test_lifting_sends_the_reason_and_says_who_lifted(server: App, run: Run) -> None:
    """The first lift counts, also when it was somebody else's."""
    lifted = a_freeze(active=False, lifted_at=OPENED, lifted_by="Person 3", lift_reason="stocktaking is over")
    server.on(f"POST /api/freezes/{FREEZE_ID}/lift", lifted)
    shown = run("lift", FREEZE_ID, "--reason", "done")
    assert shown.exit_code == 0
    assert server.bodies == [(f"/api/freezes/{FREEZE_ID}/lift", {"reason": "done"})]
    assert "Lifted by Person 3 at 2026-01-05 08:00:00Z: stocktaking is over" in shown.output


def test_lifting_needs_a_reason(server: App, run: Run) -> None:
    assert run("lift", FREEZE_ID).exit_code == 64
    shown = run("lift", FREEZE_ID, "--reason", " ")
    assert (shown.exit_code, server.bodies) == (1, [])


def test_a_release_behind_a_freeze_shows_it_with_its_end_and_who_can_lift(server: App, run: Run) -> None:
    """In the words of the app."""
    said = "the end of the freeze of P001 by Person 2 until 2026-12-01 06:00 UTC: stocktaking"
    wait = WaitingView(
        waits_for=said,
        since=OPENED,
        until=datetime.now(UTC) + timedelta(days=3, hours=1, seconds=30),
        who_can_end_it=["Engineering-Managers", "ML-Engineers"],
    )
    server.on(f"GET /api/releases/{RELEASE}", view("recording_previous", waiting=wait))
    shown = run("show", RELEASE)
    assert shown.exit_code == 0
    for text in (said, "in 3 d 1 h", "Engineering-Managers, ML-Engineers", "not touched"):
        assert text in shown.output
