"""In a terminal of 46 columns, a phone's, what is to be copied or clicked is in one piece."""

import json

import pytest

from cli import session
from shared.contracts.http.releases import HistoryList, ReleaseList
from shared.contracts.http.training import TrainingList
from tests.cli.conftest import RELEASE, App, Run, summary, view
from tests.cli.test_fleet import fleet_view, target, targets
from tests.cli.test_reading import entry
from tests.cli.test_training import RUN, training

COLUMNS = 46
LINK = "https://ml.azure.com/runs/batchjob-d3f2aa11?wsid=/subscriptions/0000/resourceGroups/rg/workspaces/test"


@pytest.fixture
def narrow(run: Run) -> Run:
    """The command in such a terminal."""
    for terminal in (session.console, session.errors):
        terminal.width = COLUMNS
    return run


def lines(output: str) -> list[str]:
    return [line.strip() for line in output.splitlines()]


def test_a_list_of_releases_has_each_id_on_a_line_of_its_own(server: App, narrow: Run) -> None:
    long = f"{RELEASE}-rollback-1-of-a-fleet-with-a-long-name"
    server.on("GET /api/releases", ReleaseList(releases=[summary(view()), summary(view(release_id=long))]))
    shown = lines(narrow("releases").output)

    assert {RELEASE, long} <= set(shown)
    assert not {"│", "┃"} & set("".join(shown))


def test_a_list_leaves_addresses_to_show(server: App, narrow: Run) -> None:
    """Five lines of one took the place of four releases."""
    failed = view("failed", reason=f"test inference batchjob-d3f2aa11 failed: no rows; Failed, see {LINK}")
    server.on("GET /api/releases", ReleaseList(releases=[summary(failed)]))
    shown = " ".join(narrow("releases").output.split())

    assert "failed: no rows; Failed" in shown
    assert "https" not in shown


def test_what_to_type_next_is_one_line(server: App, narrow: Run) -> None:
    server.on(f"GET /api/releases/{RELEASE}", view())

    assert f"Decide with:  switchyard approve {RELEASE}" in lines(narrow("show", RELEASE).output)


@pytest.mark.parametrize("columns", [COLUMNS, 80, 120])
def test_the_address_of_a_test_job_is_not_cut(server: App, narrow: Run, columns: int) -> None:
    """Whatever frames there are."""
    session.console.width = columns
    run = {"attempt": 1, "job_name": "batchjob-d3f2aa11", "verdict": "failed", "detail": f"Failed, see {LINK}"}
    server.on(f"GET /api/releases/{RELEASE}", view("failed", check_runs=[run], reason=f"it failed, see {LINK}"))
    shown = narrow("show", RELEASE).output
    assert f"Failed, see {LINK}" in lines(shown)
    assert shown.count(LINK) == 1

    server.on(f"GET /api/releases/{RELEASE}", view("failed", reason=f"it failed, see {LINK}"))
    assert LINK in lines(narrow("show", RELEASE).output)


def test_a_history_breaks_no_phase(server: App, narrow: Run) -> None:
    """It is lines below a hundred columns, where a table had broken the names of phases."""
    told = HistoryList(release_id=RELEASE, verified=True, entries=[entry(1, phase_after="verifying_rollback")])
    server.on(f"GET /api/releases/{RELEASE}/history", told)
    for columns in (COLUMNS, 80):
        session.console.width = columns
        assert "verifying_rollback" in narrow("history", RELEASE).output


def test_targets_and_trainings_begin_with_what_they_are_about(server: App, narrow: Run) -> None:
    server.on(f"GET /api/releases/{RELEASE}", fleet_view())
    server.on(f"GET /api/releases/{RELEASE}/targets", targets(target(), target("P001-C002")))
    listed = TrainingList(trainings=[training()], slots=[], parallel_max=5)
    server.on("GET /api/trainings", (200, json.dumps(listed.model_dump(mode="json"))))

    assert {"P001/C001", "P001/C002"} <= set(lines(narrow("targets", RELEASE).output))
    assert RUN in narrow("trainings").output
