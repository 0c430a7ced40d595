"""Releases to online endpoints from a terminal."""

import json
from pathlib import Path

from shared.contracts.http.online import EndpointLine, deployment_state_of
from shared.domain.release.model import Phase
from tests.cli.conftest import RELEASE, App, Run, accepted, view
from tests.support.online_releases import an_online_release

PATH = f"/api/releases/{RELEASE}"


def test_a_version_is_asked_for_with_everything_that_is_known_of_it(server: App, run: Run) -> None:
    server.on("POST /api/online-releases", (202, accepted(phase="verifying")))

    shown = run("release-online", "taxi-fare", "2", "--branch", "integration", "--slot", "production=blue")

    assert shown.exit_code == 0
    ((_, body),) = server.bodies
    assert (body["model"], body["version"], body["branch"]) == ("taxi-fare", "2", "integration")
    assert (body["slots"], body["compare_only"]) == ({"production": "blue"}, False)
    assert f"watch {RELEASE}" in shown.output


def test_a_slot_of_neither_endpoint_sends_nothing(server: App, run: Run) -> None:
    shown = run("release-online", "taxi-fare", "2", "--slot", "test=blue")

    assert shown.exit_code == 64
    assert server.bodies == []


def test_a_release_shows_who_gets_the_requests(server: App, run: Run) -> None:
    line = EndpointLine(
        side="production", endpoint="taxi-fare", slot="green", before="blue 100 %", now="blue 70 %, green 30 %",
        state="under way", last_test="50 asked",
    )  # fmt: skip
    server.on(f"GET {PATH}", view("moving_traffic", kind="online", circuit="taxi-fare", endpoints=[line]))

    shown = run("show", RELEASE)

    assert "blue 70 %" in shown.output
    assert "served as" in shown.output


def test_the_state_is_written_to_a_file(server: App, run: Run, tmp_path: Path) -> None:
    state = deployment_state_of(an_online_release(Phase.WATCHING))
    server.on(f"GET {PATH}/deployment-state", state)

    shown = run("deployment-state", RELEASE, "--output", str(tmp_path / "state.json"))

    assert shown.exit_code == 0
    assert json.loads((tmp_path / "state.json").read_text())["endpoints"][1]["prior"]["traffic"] == {"old": 100}
