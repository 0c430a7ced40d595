"""Evidence from a terminal: handing a notebook in, and what is shown of it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cli.evidence import SENT_BYTES_MAX
from cli.views import Release
from shared.contracts.http.evidence import EvidenceAccepted, EvidenceView, ReasonView
from tests.cli.conftest import OPENED, RELEASE, App, Run, gate, problem, view
from tests.support.notebooks import EXAMPLE

PATH = f"/api/releases/{RELEASE}/evidence"
SHA256 = "0123456789abcdef" * 4


def evidence(**changes: Any) -> EvidenceView:
    """Complete evidence of an environment release at its registry gate."""
    content: dict[str, Any] = {
        "release_id": RELEASE,
        "advice": "approve",
        "quality": "complete notebook with successful scoring",
        "tests": "tests follow after this gate",
        "required": True,
        "reasons": [reason("notebook", True, f"SHA-256 {SHA256}"), reason("Execute scoring", True, "cell 9")],
        "sha256": SHA256,
        "size_bytes": 7_158,
        "submitted_by": "Rita",
        "submitted_at": OPENED,
    }
    return EvidenceView(**{**content, **changes})


def reason(rule: str, holds: bool, text: str) -> ReasonView:
    return ReasonView(rule=rule, holds=holds, text=text)


def nothing() -> EvidenceView:
    """The policy asks for a notebook, and there is none."""
    gone = dict.fromkeys(("sha256", "size_bytes", "submitted_by", "submitted_at"))
    missing = [reason("notebook", False, "no executed notebook was uploaded: upload one")]
    return evidence(advice="reject", quality="no notebook", reasons=missing, **gone)


def bad() -> EvidenceView:
    order = reason("execution order", False, "cell 5 did not run, not as number 3")
    return evidence(advice="reject", quality="incomplete notebook", reasons=[order])


def accepted(shown: EvidenceView, answer: Any = "accepted") -> tuple[int, EvidenceAccepted]:
    phase = "awaiting_registry_approval"
    body = EvidenceAccepted(release_id=RELEASE, answer=answer, phase=phase, follow=PATH, evidence=shown)
    return 202 if answer == "accepted" else 200, body


def environment_view(shown: EvidenceView, **changes: Any) -> Any:
    environment = {"kind": "environment", "model": "custom-tf-env:1.5.1", "circuit": "fleet of 12"}
    return view(**{**environment, "evidence": shown, **changes})


def test_a_notebook_is_sent_as_it_is_and_the_advice_shown_with_its_reasons(server: App, run: Run) -> None:
    """As a notebook, not as a form; and how to go on."""
    server.on(f"POST {PATH}", accepted(evidence()))
    shown = run("evidence", RELEASE, str(EXAMPLE))
    assert shown.exit_code == 0
    assert server.bodies == [(PATH, json.loads(EXAMPLE.read_bytes()))]
    assert server.content_types == ["application/x-ipynb+json"]
    for text in ("approve (complete notebook", "Execute scoring", "cell 9", SHA256, f"show {RELEASE}"):
        assert text in shown.output


def test_bad_evidence_is_shown_with_what_does_not_hold(server: App, run: Run) -> None:
    """It was accepted: status 0, and the advice says what comes of it."""
    server.on(f"POST {PATH}", accepted(bad()))
    shown = run("evidence", RELEASE, str(EXAMPLE))
    assert shown.exit_code == 0
    assert "reject (incomplete notebook" in shown.output
    (line,) = [line for line in shown.output.splitlines() if "execution order" in line]
    assert " no " in line
    assert "cell 5 did not run" in line


def test_the_same_file_again_is_said_to_be_there(server: App, run: Run) -> None:
    server.on(f"POST {PATH}", accepted(evidence(), "already_done"))
    assert "evidence of this release already" in run("evidence", RELEASE, str(EXAMPLE)).output


def test_without_a_file_it_is_shown_what_was_handed_in(server: App, run: Run) -> None:
    server.on(f"GET {PATH}", evidence())
    shown = run("evidence", RELEASE)
    assert shown.exit_code == 0
    assert "by Rita at 2026-01-05 08:00:00Z, 7,158 bytes" in shown.output
    assert server.bodies == []


def test_that_nothing_was_handed_in_is_shown_as_the_matrix_sees_it(server: App, run: Run) -> None:
    server.on(f"GET {PATH}", nothing())
    shown = run("evidence", RELEASE)
    assert "reject (no notebook" in shown.output
    assert "upload one" in shown.output


def test_evidence_as_json_is_the_answer_of_the_api(server: App, run: Run) -> None:
    server.on(f"GET {PATH}", evidence())
    assert json.loads(run("evidence", RELEASE, "--json").stdout) == json.loads(evidence().model_dump_json())


@pytest.mark.parametrize("status", [400, 403, 409, 413])
def test_the_apps_refusal_is_shown_as_it_is(server: App, run: Run, status: int) -> None:
    refusal = "the notebook cannot be read: it is not JSON in UTF-8"
    server.on(f"POST {PATH}", problem(status, refusal))
    shown = run("evidence", RELEASE, str(EXAMPLE))
    assert shown.exit_code == 1
    assert refusal in shown.stderr


def test_a_file_that_cannot_be_read_is_said_before_anything_is_sent(server: App, run: Run, tmp_path: Path) -> None:
    """Not there, a folder, and far above any limit."""
    large = tmp_path / "large.ipynb"
    with large.open("wb") as file:
        file.truncate(SENT_BYTES_MAX + 1)
    for path, said in ((tmp_path / "none.ipynb", "No such file"), (tmp_path, "cannot be read"), (large, "than 32 MiB")):
        shown = run("evidence", RELEASE, str(path))
        assert (shown.exit_code, server.bodies) == (1, [])
        assert said in " ".join(shown.stderr.split())


def test_a_release_shows_its_evidence_and_what_to_hand_in_first(server: App, run: Run) -> None:
    """The gate's facts name the file; where evidence is missing or bad, approving is not the next thing to type."""
    facts = gate(evidence="approve: complete notebook", **{"evidence file": f"SHA-256 {SHA256}"})
    server.on(f"GET /api/releases/{RELEASE}", environment_view(evidence(), gate=facts))
    good = run("show", RELEASE).output
    assert good.count("approve (complete notebook with successful scoring; tests follow after this gate)") == 1
    assert SHA256 in good
    assert "hand in" not in good
    for lacking in (nothing(), bad()):
        server.on(f"GET /api/releases/{RELEASE}", environment_view(lacking))
        assert f"First hand in: switchyard evidence {RELEASE} FILE.ipynb" in run("show", RELEASE).output


def test_evidence_that_nobody_asks_for_is_not_missed(server: App, run: Run) -> None:
    """Neither by a policy without it nor in a release of a model."""
    unasked = environment_view(nothing().model_copy(update={"required": False}))
    for release in (unasked, view()):
        server.on(f"GET /api/releases/{RELEASE}", release)
        shown = run("show", RELEASE).output
        assert "hand in" not in shown
        assert "no notebook" not in shown


def test_an_app_of_before_evidence_is_still_understood() -> None:
    older = view().model_dump(mode="json", exclude={"evidence"})
    assert Release.model_validate(older).evidence is None


def test_texts_of_evidence_cannot_command_the_terminal(server: App, run: Run) -> None:
    """Names of errors come from the file."""
    hostile = "\x1b]0;owned\x07[bold]x[/bold]\u202e"
    at = datetime(2026, 1, 5, tzinfo=UTC)
    server.on(f"GET {PATH}", evidence(reasons=[reason(hostile, False, hostile)], submitted_by=hostile, submitted_at=at))
    shown = run("evidence", RELEASE)
    assert "[bold]x[/bold]" in shown.output
    assert not {"\x1b", "\x07", "\u202e"} & set(shown.output)


def test_the_notebook_that_was_handed_in_is_saved_and_another_file_is_left_alone(
    server: App, run: Run, tmp_path: Path
) -> None:
    """Whoever decides looks at the file itself; saving it twice does no harm."""
    server.on(f"GET /api/releases/{RELEASE}", environment_view(evidence()))
    server.on(f"GET {PATH}?download=1", (200, '{"cells": []}'))
    file = tmp_path / "new" / "evidence.ipynb"

    for _ in range(2):
        assert run("evidence", RELEASE, "--download", str(file)).exit_code == 0
        assert file.read_text() == '{"cells": []}'
    file.write_text("mine")
    refused = run("evidence", RELEASE, "--download", str(file))

    assert refused.exit_code == 1
    assert "nothing was written" in refused.stderr
    assert file.read_text() == "mine"
