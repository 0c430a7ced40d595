"""Environment releases from a terminal: asking for one, its targets, rolling it back, watching it."""

import json
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cli.tallies import tallies
from cli.views import Release
from cli.watching import FAILING_SHOWN_MAX, Moving
from shared.contracts.http.fleet import ProgressView, TargetList, TargetView
from shared.contracts.http.releases import ReleaseView
from tests.cli.conftest import RELEASE, App, Run, accepted, problem, view

PATH = f"/api/releases/{RELEASE}"


def progress(work: str | None = "checking", targets: int = 12, **numbers: int) -> ProgressView:
    """Counts by the names of progress (`done=7`) and of verdicts (`check_passed=6`)."""
    counts = {name: numbers.get(name, 0) for name in ("untouched", "waiting", "changing", "done", "failed")}
    verdicts = ("passed", "failed", "errored", "inconclusive")
    checks = {name: numbers.get(f"check_{name}", 0) for name in verdicts}
    return ProgressView(work=work, targets=targets, counts=counts, checks=checks)


def fleet_view(phase: str = "checking", counts: ProgressView | None = None, **changes: Any) -> Any:
    """An environment release of twelve circuits."""
    environment = {"kind": "environment", "model": "custom-tf-env:1.5.1", "circuit": "fleet of 12"}
    return view(phase, **{**environment, "progress": counts or progress(), **changes})


def target(key: str = "P001-C001", **changes: Any) -> TargetView:
    """A target whose check passed; the key says plant and circuit."""
    plant_id, _, circuit_id = key.partition("-")
    content: dict[str, Any] = {
        "key": key,
        "plant_id": plant_id,
        "circuit_id": circuit_id,
        "progress": "done",
        "attempt": 1,
        "touched": False,
        "check": "passed",
        "check_detail": "72 predictions are alike",
        "detail": "",
        "previous_model": "azureml://registries/r/models/m/versions/6",
        "previous_environment": "azureml://registries/r/environments/custom-tf-env/versions/1.5.0",
    }
    return TargetView(**{**content, **changes})


def targets(*listed: TargetView, work: str | None = "checking") -> TargetList:
    return TargetList(release_id=RELEASE, phase=work or "verifying", work=work, targets=list(listed))


def test_releasing_an_environment_sends_version_and_reason_and_says_how_to_follow(server: App, run: Run) -> None:
    """Name and workspace are the app's to know."""
    server.on("POST /api/environment-releases", (202, accepted(phase="verifying")))
    shown = run("release-environment", "1.5.1", "--reason", "logging was fixed")
    assert shown.exit_code == 0
    assert server.bodies == [("/api/environment-releases", {"version": "1.5.1", "reason": "logging was fixed"})]
    assert f"watch {RELEASE}" in shown.output


def test_a_version_that_has_a_release_already_is_pointed_to_it(server: App, run: Run) -> None:
    """Asking twice opens no second one."""
    server.on("POST /api/environment-releases", accepted("already_done", "failed"))
    shown = run("release-environment", "1.5.1", "--reason", "again")
    assert shown.exit_code == 0
    assert "failed" in shown.output
    assert f"show {RELEASE}" in shown.output


def test_an_environment_release_without_a_reason_sends_nothing(server: App, run: Run) -> None:
    """Approvers read it."""
    assert run("release-environment", "1.5.1").exit_code == 64
    shown = run("release-environment", "1.5.1", "--reason", " ")
    assert (shown.exit_code, server.bodies) == (1, [])
    assert "needs a reason" in shown.stderr


def test_targets_are_listed_by_plant_and_circuit_with_check_and_detail(server: App, run: Run) -> None:
    """What is said about the change goes before what the check said."""
    busy = target("P001-C010", progress="changing", attempt=2, detail="accepted by Azure ML")
    server.on(f"GET {PATH}/targets", targets(target("P002-C001"), busy, target("P001-C002"), work="updating"))
    shown = run("targets", RELEASE)
    assert shown.exit_code == 0
    places = [shown.output.index(place) for place in ("P001/C002", "P001/C010", "P002/C001")]
    assert places == sorted(places)
    for text in ("updating", "changing, attempt 2", "accepted by Azure ML", "72 predictions are alike", "3 of 3"):
        assert text in shown.output


def test_only_failing_targets_are_listed_on_request(server: App, run: Run) -> None:
    """A failed check, an errored one, a change that was given up."""
    failing = (
        target("P001-C002", check="failed", check_detail="does not load"),
        target("P001-C003", progress="failed", check=None, detail="no compute"),
    )
    server.on(f"GET {PATH}/targets", targets(target(), *failing))
    shown = run("targets", RELEASE, "--failing")
    assert "P001/C001" not in shown.output
    for text in ("P001/C002", "does not load", "P001/C003", "no compute", "2 of 3"):
        assert text in shown.output


def test_before_targets_are_frozen_it_is_said_when_they_are(server: App, run: Run) -> None:
    server.on(f"GET {PATH}/targets", targets(work=None))
    assert "every circuit" in run("targets", RELEASE).output


def test_targets_as_json_are_the_answer_of_the_api(server: App, run: Run) -> None:
    answer = targets(target())
    server.on(f"GET {PATH}/targets", answer)
    assert json.loads(run("targets", RELEASE, "--json").stdout) == json.loads(answer.model_dump_json())


def test_rolling_back_says_first_how_many_deployments_go_back_to_what(server: App, run: Run) -> None:
    """And asks; the reason is sent."""
    before = "azureml://registries/r/environments/custom-tf-env/versions/1.4.0"
    touched = [target(f"P001-C00{n}", touched=True) for n in (1, 2)]
    other = target("P001-C003", touched=True, previous_environment=before)
    server.on(f"GET {PATH}", fleet_view("watching", progress("updating", done=4), production_touched=True))
    server.on(f"GET {PATH}/targets", targets(*touched, other, target("P001-C004"), work="updating"))
    server.on(f"POST {PATH}/rollback", (202, accepted(phase="watching")))
    shown = run("rollback", RELEASE, "--reason", "batch jobs fail", input="y\n")
    assert shown.exit_code == 0
    words = " ".join(shown.output.split())
    assert "3 of 4 deployments are put back to what they ran before (1 to 1.4.0, 2 to 1.5.0)" in words
    assert words.index("put back") < words.index("Roll back sensor-model")
    assert server.bodies == [(f"{PATH}/rollback", {"reason": "batch jobs fail", "critical": False})]


def test_a_no_rolls_nothing_back(server: App, run: Run) -> None:
    """Enter alone and a closed input are a no as well."""
    server.on(f"GET {PATH}", fleet_view("updating", production_touched=True))
    server.on(f"GET {PATH}/targets", targets(target(touched=True), work="updating"))
    for typed in ("n\n", "\n", ""):
        assert run("rollback", RELEASE, "--reason", "batch jobs fail", input=typed).exit_code == 1
    assert server.bodies == []


def test_rolling_back_with_yes_asks_nothing_and_the_apps_refusal_is_shown(server: App, run: Run) -> None:
    """Whether it is possible is decided by the app."""
    refusal = "rolling back is not possible while the release is checking"
    server.on(f"GET {PATH}", fleet_view())
    server.on(f"GET {PATH}/targets", targets(target()))
    server.on(f"POST {PATH}/rollback", problem(409, refusal))
    shown = run("rollback", RELEASE, "--reason", "batch jobs fail", "--yes")
    assert shown.exit_code == 1
    assert "nothing to put back" in shown.output
    assert refusal in shown.stderr


@pytest.mark.parametrize(
    ("release", "said"),
    [(view("testing"), "is under way"), (fleet_view("aborted", reason="not today"), "has ended already")],
    ids=["a model", "an ended release"],
)
def test_what_cannot_be_rolled_back_is_said_before_anything_is_sent(
    server: App, run: Run, release: ReleaseView, said: str
) -> None:
    server.on(f"GET {PATH}", release)
    shown = run("rollback", RELEASE, "--reason", "batch jobs fail", "--yes")
    assert (shown.exit_code, server.bodies) == (1, [])
    assert said in shown.stderr


def test_aborting_an_environment_release_says_that_the_changed_deployments_go_back(server: App, run: Run) -> None:
    server.on(f"GET {PATH}", fleet_view("updating", production_touched=True))
    server.on(f"POST {PATH}/abort", (202, accepted()))
    shown = run("abort", RELEASE, "--reason", "wrong version", "--yes")
    words = " ".join(shown.output.split())
    assert "every deployment that was changed is put back" in words
    assert "circuits are free" in words


def test_an_environment_release_is_shown_with_its_counts_and_how_to_roll_it_back(server: App, run: Run) -> None:
    counts = progress("updating", done=5, failed=1, waiting=6, check_passed=10, check_inconclusive=2)
    server.on(f"GET {PATH}", fleet_view("updating", counts))
    shown = run("show", RELEASE)
    for text in ("custom-tf-env:1.5.1", "fleet of 12", "12 of 12: 10 passed, 2 inconclusive", "6 of 12: 1 failed"):
        assert text in shown.output
    assert f"rollback {RELEASE}" in shown.output


def test_an_app_of_before_environment_releases_is_still_understood() -> None:
    """`kind` and `progress` came later."""
    older = view().model_dump(mode="json", exclude={"kind", "progress"})
    read = Release.model_validate(older)
    assert (read.kind, read.progress) == ("model", None)


def test_watching_counts_checks_and_lists_failing_ones_once(server: App, run: Run) -> None:
    """Into a file: a line for every tenth, each failing target once, status 3 for a release that failed."""
    some, most = progress(done=3, check_passed=3), progress(done=9, check_passed=8, check_failed=1)
    ended = fleet_view("failed", progress(done=12, check_passed=11, check_failed=1), reason="1 of 12 models failed")
    server.on(f"GET {PATH}", fleet_view(counts=some), fleet_view(counts=most), fleet_view(counts=most), ended)
    bad = target("P001-C007", check="failed", check_detail="the model does not load")
    server.on(f"GET {PATH}/targets", targets(target(), bad))
    shown = run("watch", RELEASE, "--every", "0.1")
    assert shown.exit_code == 3
    for text in ("checks 3 of 12: 3 passed", "checks 9 of 12: 8 passed, 1 failed", "1 of 12 models failed"):
        assert shown.output.count(text) == 1
    assert shown.output.count("P001-C007 failed: the model does not load") == 1


def test_watching_goes_on_through_the_watch_until_the_release_ends(server: App, run: Run) -> None:
    """Nobody has to decide in `watching`; rolled back is not released."""
    done = progress("updating", done=12, check_passed=12)
    server.on(
        f"GET {PATH}",
        fleet_view("updating", progress("updating", waiting=12, check_passed=12)),
        fleet_view("watching", done),
        fleet_view("watching", done),
        fleet_view("rolling_back", progress("rolling_back", changing=12, check_passed=12)),
        fleet_view("rolled_back", progress("rolling_back", done=12, check_passed=12)),
    )
    shown = run("watch", RELEASE, "--every", "0.1")
    assert shown.exit_code == 3
    phases = [shown.output.index(f"  {phase}  ") for phase in ("updating", "watching", "rolling_back")]
    assert phases == sorted(phases)
    assert "updates 12 of 12" in shown.output
    assert "put back 12 of 12" in shown.output


@pytest.mark.parametrize(("phase", "status"), [("rolled_back", 0), ("failed", 3), ("aborted", 3)])
def test_a_rollback_of_its_own_is_watched_to_its_good_end(server: App, run: Run, phase: str, status: int) -> None:
    """That production is back is what it was opened for."""
    server.on(f"GET {PATH}", fleet_view(phase, progress("rolling_back", done=12), kind="rollback"))

    assert run("watch", RELEASE, "--every", "0.1").exit_code == status


def test_of_many_failing_targets_the_first_are_listed_and_the_rest_counted(server: App, run: Run) -> None:
    """A fleet that fails as a whole does not flood the terminal."""
    count = FAILING_SHOWN_MAX + 5
    held = fleet_view("held", progress("updating", targets=count, failed=count))
    server.on(f"GET {PATH}", held)
    failing = [target(f"P001-C{n:03}", progress="failed", detail="no compute") for n in range(count)]
    server.on(f"GET {PATH}/targets", targets(*failing, work="updating"))
    shown = run("watch", RELEASE, "--every", "0.1")
    assert shown.exit_code == 2
    assert shown.output.count("no compute") == FAILING_SHOWN_MAX
    assert f"and 5 more: switchyard targets {RELEASE} --failing" in shown.output
    assert f"rollback {RELEASE}" in shown.output


def test_on_a_terminal_every_kind_of_work_has_its_bar() -> None:
    """The bar of the checks stays when the updates begin."""
    moving, screen = Moving(), StringIO()
    console = Console(file=screen, force_terminal=True, color_system=None, width=120)
    checking = progress(done=7, changing=5, check_passed=6, check_failed=1)
    updating = progress("updating", done=3, failed=1, waiting=8, check_passed=12)
    for phase, counts in (("checking", checking), ("updating", updating)):
        release = Release.model_validate(fleet_view(phase, counts).model_dump(mode="json"))
        console.print(moving.show(release, datetime.now(UTC)))
    first, second = screen.getvalue().split("updating for")
    assert "7/12 6 passed, 1 failed" in first
    assert "12/12 12 passed" in second
    assert "4/12 1 failed" in second


def test_a_bar_is_full_once_its_work_is_over() -> None:
    """Between two looks nobody saw its last target: a bar that stops at 11 of 12 looks like a lost circuit."""
    moving, screen = Moving(), StringIO()
    console = Console(file=screen, width=100)
    rolling = progress("rolling_back", done=11, changing=1, check_passed=12)
    verifying = progress("verifying_rollback", done=1, changing=2, untouched=9, check_passed=12)
    for phase, counts in (("rolling_back", rolling), ("verifying_rollback", verifying)):
        release = Release.model_validate(fleet_view(phase, counts).model_dump(mode="json"))
        console.print(moving.show(release, datetime.now(UTC)))
    _, after = screen.getvalue().split("verifying_rollback for")
    assert [line for line in after.splitlines() if "put back" in line and "12/12" in line]
    assert [line for line in after.splitlines() if "sample inferences" in line and "1/3" in line]


def test_a_check_that_was_given_up_is_through_without_a_verdict() -> None:
    counts = progress(done=10, failed=2, check_passed=10)
    (tally,) = tallies(Release.model_validate(fleet_view(counts=counts).model_dump(mode="json")))
    assert tally.text == "12 of 12: 10 passed, 2 given up"


def test_texts_of_targets_cannot_command_the_terminal(server: App, run: Run) -> None:
    """Details come from logs and from names that anybody may set."""
    hostile = "\x1b]0;owned\x07[bold]x[/bold]\u202e"
    server.on(f"GET {PATH}", fleet_view(counts=progress(done=12, check_failed=1)), fleet_view("failed"))
    server.on(f"GET {PATH}/targets", targets(target(check="failed", check_detail=hostile, detail=hostile)))
    for command in (["targets", RELEASE], ["watch", RELEASE, "--every", "0.1"]):
        shown = run(*command)
        assert "[bold]x[/bold]" in shown.output
        assert not {"\x1b", "\x07", "\u202e"} & set(shown.output)


def test_a_rollback_names_a_version_and_the_models_that_go_with_it(server: App, run: Run) -> None:
    """What is asked is what is sent, and the question says to which version."""
    server.on(f"GET {PATH}", fleet_view("released"))
    for model in ("model-1", "model-2"):
        server.on(f"GET /api/releases/{model}", view("released", release_id=model))
    server.on(f"POST {PATH}/rollback", (202, accepted(phase="freezing_targets")))
    chosen = ("--to", "1.4.0", "--with-model", "model-1", "--with-model", "model-2")
    shown = run("rollback", RELEASE, "--reason", "both fail", *chosen, input="y\n")
    assert shown.exit_code == 0
    assert "go back to 1.4.0" in " ".join(shown.output.split())
    body = {"reason": "both fail", "critical": False, "to": "1.4.0", "models": ["model-1", "model-2"]}
    assert server.bodies == [(f"{PATH}/rollback", body)]


def test_only_what_was_released_is_redeployed(server: App, run: Run) -> None:
    """By the road of every further attempt."""
    server.on(f"GET {PATH}", fleet_view("released"))
    server.on(f"POST {PATH}/again", (202, accepted(phase="verifying")))
    assert run("redeploy", RELEASE, "--reason", "the newer one is worse").exit_code == 0
    assert server.bodies == [(f"{PATH}/again", {"reason": "the newer one is worse"})]
    server.on(f"GET {PATH}", fleet_view("expired"))
    refused = run("redeploy", RELEASE, "--reason", "the newer one is worse")
    assert refused.exit_code == 1
    assert "see `again`" in " ".join(refused.output.split())


def test_rollback_metadata_is_printed_or_saved_under_the_names_that_pipelines_read(
    server: App, run: Run, tmp_path: Path
) -> None:
    """In both forms."""
    deployments = [{"plant_id": "P001", "circuit_id": "C001", "previous_environment": "azureml:custom-tf-env:1.5.0"}]
    server.on(f"GET {PATH}/rollback-metadata?format=list", (200, json.dumps(deployments)))
    server.on(f"GET {PATH}/rollback-metadata?format=release", (200, json.dumps({"deployments": deployments})))

    assert json.loads(run("rollback-metadata", RELEASE).stdout) == deployments
    for form in ("list", "release"):
        assert run("rollback-metadata", RELEASE, "--format", form, "--artifact", str(tmp_path)).exit_code == 0

    saved = {file.relative_to(tmp_path).as_posix(): json.loads(file.read_text()) for file in tmp_path.rglob("*.json")}
    assert saved == {
        "RollbackMetadata/previous_env_versions.json": deployments,
        "RollbackMetadata/rollback_metadata.json": {"deployments": deployments},
    }
