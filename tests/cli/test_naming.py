"""People type a part of an id, or the circuit; what is meant is found, and what could be meant is listed."""

from datetime import UTC, datetime

import pytest

from cli.moments import length, since
from cli.naming import AmbiguousError, Named, circuit_of, meant
from shared.contracts.http.freezes import FreezeList
from shared.contracts.http.releases import ReleaseList
from tests.cli.conftest import RELEASE, App, Run, accepted, problem, summary, view
from tests.cli.test_freezing import FREEZE_ID, a_freeze

OLDER = "sensor-model-p001-c001-1-9f9f9f"


def listed(*releases: str) -> list[Named]:
    return [Named(each) for each in releases]


def on_the_list(server: App, *views: object) -> None:
    """What the app knows; any other id is a 404, as long as nobody prepares it."""
    server.on("GET /api/releases", ReleaseList(releases=[summary(each) for each in views]))  # type: ignore[arg-type] # views


@pytest.mark.parametrize("part", ["sensor-model-p001-c001-1-0", "0a1b2c", "1-0a1b2c", RELEASE])
def test_a_part_of_an_id_means_the_one_that_begins_or_ends_with_it(part: str) -> None:
    assert meant(part, lambda: listed(RELEASE, OLDER)) == RELEASE


@pytest.mark.parametrize("part", ["2c", "", "p001-c001-1", "other"])
def test_too_little_the_middle_and_what_is_not_there_mean_nothing(part: str) -> None:
    assert meant(part, lambda: listed(RELEASE, OLDER)) == ""


def test_what_may_be_several_is_listed_up_to_ten() -> None:
    with pytest.raises(AmbiguousError, match=f"so say which:\n  {RELEASE}\n  {OLDER}$"):
        meant("sensor", lambda: listed(RELEASE, OLDER))
    with pytest.raises(AmbiguousError, match=r"and 2 more$"):
        meant("sensor", lambda: listed(*(f"sensor-{n}" for n in range(12))))


def test_a_circuit_means_what_is_open_for_it_or_else_the_first_of_the_list() -> None:
    done, waiting = Named("done", "P001/C001"), Named("waiting", "P001/C001", open=True, state="testing")

    assert meant("p001-c001", lambda: [Named("other", "P001/C002", open=True), done]) == "done"
    assert meant("P001/C001", lambda: [done, waiting]) == "waiting"
    with pytest.raises(AmbiguousError, match="waiting  testing"):
        meant("P001/C001", lambda: [waiting, Named("second", "P001/C001", open=True)])


@pytest.mark.parametrize(
    ("text", "circuit"), [("P001/C001", "P001/C001"), ("p1-c2", "P1/C2"), ("P001", ""), ("x/y", "")]
)
def test_a_circuit_is_written_with_a_slash_or_a_dash(text: str, circuit: str) -> None:
    assert circuit_of(text) == circuit


def test_every_command_about_a_release_takes_a_part_of_its_id(server: App, run: Run) -> None:
    """It is found once, and what is told and sent names the whole."""
    on_the_list(server, view())
    server.on(f"GET /api/releases/{RELEASE}", view())
    server.on(f"POST /api/releases/{RELEASE}/gates/registry/decisions", (202, accepted()))

    shown = run("approve", "0a1b2c", "--yes")

    assert shown.exit_code == 0, shown.output
    assert f"watch {RELEASE}" in shown.output
    assert server.asked.count("GET /api/releases?limit=200") == 1


def test_a_whole_id_is_asked_for_at_once(server: App, run: Run) -> None:
    """Nobody who pastes one pays for those who do not."""
    server.on(f"GET /api/releases/{RELEASE}", view())

    assert run("show", RELEASE).exit_code == 0
    assert server.asked == [f"GET /api/releases/{RELEASE}"]


def test_a_circuit_shows_its_open_release(server: App, run: Run) -> None:
    """The app knows which releases are for it."""
    server.on("GET /api/releases?limit=200&circuit=P001-C001", ReleaseList(releases=[summary(view())]))
    server.on(f"GET /api/releases/{RELEASE}", view())

    assert RELEASE in run("show", "P001/C001").output


def test_a_circuit_without_a_release_and_an_ambiguous_part_are_said(server: App, run: Run) -> None:
    """The candidates can be copied."""
    on_the_list(server)
    server.on("GET /api/releases/P009%2FC009", problem(404, "there is no release P009/C009"))
    assert "there is no release P009/C009" in run("show", "P009/C009").stderr

    on_the_list(server, view(), view("failed", release_id=OLDER))
    several = run("show", "sensor")
    assert several.exit_code == 1
    assert RELEASE in several.stderr
    assert f"{OLDER}  failed" in several.stderr


def test_a_freeze_is_lifted_by_the_end_of_its_id(server: App, run: Run) -> None:
    lifted = a_freeze(active=False, lifted_at=datetime.now(UTC), lifted_by="Person 2", lift_reason="done")
    server.on("GET /api/freezes", FreezeList(freezes=[a_freeze()], who_can_lift=["ML-Engineers"]))
    server.on(f"POST /api/freezes/{FREEZE_ID}/lift", lifted)

    assert run("lift", "1a2b3c4d", "--reason", "done").exit_code == 0


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("30min", 1800), ("2h", 7200), ("1.5d", 129_600), ("5", 5)]
)
def test_a_length_of_time_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    found = length(text)
    assert found is not None
    assert found.total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "soon", "h", "-1h", "2 weeks", "1e3"])
def test_anything_else_is_no_length_of_time(text: str) -> None:
    assert length(text) is None


def test_since_takes_a_moment_or_how_long_ago_it_was() -> None:
    now = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)

    assert since("2h", now) == "2026-01-05T06:00:00Z"
    assert since("2026-01-05T07:00+01:00", now) == "2026-01-05T06:00:00Z"
    assert since("", now) == ""


def test_a_list_since_something_else_is_refused(run: Run) -> None:
    shown = run("releases", "--since", "yesterday")
    assert shown.exit_code == 1
    assert "2h or 1d" in shown.stderr
