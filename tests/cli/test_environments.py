"""Versions of the environment from a terminal."""

import json

from shared.contracts.http.environments import EnvironmentVersionList, EnvironmentVersionView
from tests.cli.conftest import App, Run

PATH = "GET /api/environment-versions"


def listed(*versions: str, running: str | None = None) -> EnvironmentVersionList:
    views = [
        EnvironmentVersionView(
            version=version,
            change_summary=f"[red]{version}[/red] is quicker",
            tensorflow_version="2.21.0",
            registered_at="2025-12-09T10:30:00Z",
            registered_by="maker@example.com",
        )
        for version in versions
    ]
    return EnvironmentVersionList(name="custom-tf-env", running=running, versions=views)


def test_versions_are_listed_in_the_order_of_the_answer_and_their_words_are_no_markup(server: App, run: Run) -> None:
    """What somebody wrote into a tag is shown as it is."""
    server.on(PATH, listed("1.5.1", "1.10.0"))
    shown = run("environments")

    assert shown.exit_code == 0
    assert shown.output.index("[red]1.5.1[/red] is quicker") < shown.output.index("[red]1.10.0[/red] is quicker")
    assert "maker@example.com" in shown.output


def test_the_running_version_is_sent_and_an_empty_list_is_said_in_words(server: App, run: Run) -> None:
    server.on(f"{PATH}?running=1.5.1", listed(running="1.5.1"))
    shown = run("environments", "--running", "1.5.1")

    assert "The registry has no version of custom-tf-env that can take the place of 1.5.1." in shown.output


def test_the_answer_can_be_printed_for_scripts(server: App, run: Run) -> None:
    server.on(PATH, listed("1.5.1"))

    assert json.loads(run("environments", "--json").output)["versions"][0]["version"] == "1.5.1"
