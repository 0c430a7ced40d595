"""Approving, rejecting, aborting and retrying from a terminal."""

from tests.cli.conftest import DIGEST, RELEASE, App, Run, accepted, problem, view

PATH = f"/api/releases/{RELEASE}"
DECISIONS = f"{PATH}/gates/registry/decisions"


def test_approving_shows_the_facts_and_sends_the_digest_that_was_shown(server: App, run: Run) -> None:
    """After a yes."""
    server.on(f"GET {PATH}", view())
    server.on(f"POST {DECISIONS}", (202, accepted()))
    shown = run("approve", RELEASE, "--reason", "metrics are fine", input="y\n")
    assert shown.exit_code == 0
    assert shown.output.index("mae 0.41, rmse 0.52") < shown.output.index("Approve registry of sensor-model:1")
    assert server.bodies == [(DECISIONS, {"decision": "approve", "digest": DIGEST, "reason": "metrics are fine"})]
    assert f"watch {RELEASE}" in shown.output


def test_a_no_or_no_answer_at_all_sends_nothing(server: App, run: Run) -> None:
    """Enter alone is a no; so is a closed input."""
    server.on(f"GET {PATH}", view())
    for typed in ("n\n", "\n", ""):
        assert run("approve", RELEASE, input=typed).exit_code == 1
    assert server.bodies == []


def test_rejecting_with_yes_asks_nothing_and_sends_the_reason(server: App, run: Run) -> None:
    """For scripts; the facts are printed all the same."""
    server.on(f"GET {PATH}", view())
    server.on(f"POST {DECISIONS}", (202, accepted()))
    shown = run("reject", RELEASE, "--reason", "mae too high", "--yes")
    assert shown.exit_code == 0
    assert "mae 0.41" in shown.output
    assert server.bodies == [(DECISIONS, {"decision": "reject", "digest": DIGEST, "reason": "mae too high"})]


def test_a_rejection_without_a_reason_is_refused_before_anything_is_sent(server: App, run: Run) -> None:
    """No option is a usage error, an empty one says what a reason is for."""
    assert run("reject", RELEASE, "--yes").exit_code == 64
    shown = run("reject", RELEASE, "--reason", " ", "--yes")
    assert (shown.exit_code, server.bodies) == (1, [])
    assert "a rejection needs a reason" in shown.stderr


def test_without_an_open_gate_it_is_said_what_the_release_waits_for(server: App, run: Run) -> None:
    """Nothing is sent."""
    server.on(f"GET {PATH}", view("promoting"))
    shown = run("approve", RELEASE, "--yes")
    assert (shown.exit_code, server.bodies) == (1, [])
    assert "no gate" in shown.stderr
    assert "promoting" in shown.stderr


def test_the_apps_refusal_is_shown_in_its_own_words(server: App, run: Run) -> None:
    """Requesters cannot approve: status 1, the reason, no traceback."""
    refusal = "Trainer requested this release and may not decide on it: ask another member"
    server.on(f"GET {PATH}", view())
    server.on(f"POST {DECISIONS}", problem(403, refusal))
    shown = run("approve", RELEASE, "--yes")
    assert shown.exit_code == 1
    assert refusal in shown.stderr
    assert "Traceback" not in shown.output


def test_what_was_done_already_is_said_to_be(server: App, run: Run) -> None:
    """A second click does no harm."""
    server.on(f"GET {PATH}", view())
    server.on(f"POST {DECISIONS}", accepted("already_done", "promoting"))
    shown = run("approve", RELEASE, "--yes")
    assert shown.exit_code == 0
    assert "done already" in shown.output


def test_aborting_says_first_what_happens_to_production(server: App, run: Run) -> None:
    """Not touched, put back to the previous model, or nothing to put back."""
    server.on(f"POST {PATH}/abort", (202, accepted()))
    cases = (
        ({}, "production stays as it is"),
        ({"production_touched": True, "previous_model": "registry-model:6"}, "put back to registry-model:6"),
        ({"production_touched": True}, "nothing ran there before"),
    )
    for changes, words in cases:
        server.on(f"GET {PATH}", view("deploying_production", **changes))
        shown = run("abort", RELEASE, "--reason", "wrong data", input="y\n")
        assert shown.exit_code == 0
        assert words in shown.output.replace("\n", " ")
    assert server.bodies == [(f"{PATH}/abort", {"reason": "wrong data"})] * 3


def test_aborting_needs_a_yes(server: App, run: Run) -> None:
    """Nothing is sent without it."""
    server.on(f"GET {PATH}", view("testing"))
    for answer in ("n\n", ""):  # a no, and nobody there
        declined = run("abort", RELEASE, "--reason", "wrong data", input=answer)
        assert declined.exit_code == 1
        assert "Nothing was done." in declined.output
        assert "Aborted" not in declined.output
        assert ("--yes" in declined.output) is not bool(answer)
    assert server.bodies == []


def test_an_ended_release_cannot_be_aborted(server: App, run: Run) -> None:
    """It says how it ended."""
    server.on(f"GET {PATH}", view("rejected", reason="mae too high"))
    shown = run("abort", RELEASE, "--reason", "late", "--yes")
    assert shown.exit_code == 1
    assert "rejected" in shown.stderr


def test_releasing_again_sends_the_reason_and_names_the_attempt_to_follow(server: App, run: Run) -> None:
    server.on(f"POST {PATH}/again", (202, accepted(release_id=f"{RELEASE}-attempt-2")))
    shown = run("again", RELEASE, "--reason", "now somebody is there")
    assert shown.exit_code == 0
    assert server.bodies == [(f"{PATH}/again", {"reason": "now somebody is there"})]
    assert f"watch {RELEASE}-attempt-2" in shown.output
    assert run("again", RELEASE, "--reason", " ").exit_code == 1
    assert len(server.bodies) == 1


def test_a_model_is_released_by_hand_with_its_name_and_version(server: App, run: Run) -> None:
    server.on("POST /api/model-releases", (202, accepted()))
    assert run("release-model", "sensor-model", "1", "--reason", "its event was lost").exit_code == 0
    body = {"name": "sensor-model", "version": "1", "reason": "its event was lost"}
    assert server.bodies == [("/api/model-releases", body)]
    assert run("release-model", "sensor-model", "1", "--reason", "").exit_code == 1
    assert len(server.bodies) == 1


def test_retrying_sends_the_reason(server: App, run: Run) -> None:
    """A held step is tried again."""
    server.on(f"POST {PATH}/retry", (202, accepted(phase="held")))
    assert run("retry", RELEASE, "--reason", "quota was raised").exit_code == 0
    assert server.bodies == [(f"{PATH}/retry", {"reason": "quota was raised"})]
