"""Commands on a tree: what a merge would do, whether files are right, moving circuits to another environment."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.support.repositories import Project, circuit_path


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.with_fleet(tmp_path / "project")


def test_changes_shows_who_would_be_trained_and_why(project: Project, run: Run) -> None:
    """By expressions git knows, from any directory of the repository."""
    project.cutoff("2025-12-20")
    project.edit(circuit_path("P001", "C002"), "mini_batch_size: 100", "mini_batch_size: 50")
    project.commit("Merged PR 7: More days")
    shown = run("config", "changes", "--base", "main~1", "--repo", str(project.root / "config"))
    assert shown.exit_code == 0
    for text in ("P001-C001", "training", "yes", "2025-12-09 to 2025-12-20", "P001-C002", "deployment", "PR-7"):
        assert text in " ".join(shown.output.split()), text


def test_changes_as_json_is_what_another_program_needs(project: Project, run: Run) -> None:
    base = project.head()
    project.cutoff("2025-12-20")
    head = project.commit("More days (#7)")
    shown = run("config", "changes", "--base", base[:8], "--head", "main", "--repo", str(project.root), "--json")
    found = json.loads(shown.output)
    assert (found["base"], found["head"], found["problems"], found["environment"]) == (base, head, [], None)
    (circuit,) = found["circuits"]
    assert (circuit["plant_id"], circuit["circuit_id"], circuit["kind"]) == ("P001", "C001", "training")
    assert (circuit["trains"], circuit["cutoff_date"], circuit["environment_version"]) == (True, "2025-12-20", "1.5.0")


def test_changes_that_would_be_refused_end_with_1(project: Project, run: Run) -> None:
    """The pipeline of a pull request fails, and says where to look."""
    project.edit(circuit_path(), "epochs: 3", "epochs: many")
    project.commit("A mistake")
    shown = run("config", "changes", "--base", "HEAD~1", "--repo", str(project.root))
    assert shown.exit_code == 1
    assert f"{circuit_path()}:13: training.hyperparameters.epochs = many" in shown.output


def test_a_cutoff_date_that_is_not_over_ends_with_1_before_the_merge(project: Project, run: Run) -> None:
    """The app would refuse it after the merge; in the text and in the JSON."""
    project.cutoff("2099-01-01")
    project.commit("Far ahead")
    asked = ("config", "changes", "--base", "HEAD~1", "--repo", str(project.root))
    shown = run(*asked)
    assert shown.exit_code == 1
    assert f"{circuit_path()}: training.cutoff_date = 2099-01-01: the day is not over" in shown.output
    as_json = run(*asked, "--json")
    assert as_json.exit_code == 1
    assert [each["field"] for each in json.loads(as_json.output)["problems"]] == ["training.cutoff_date"]


@pytest.mark.parametrize("base", ["nowhere", "HEAD~9", "", "f" * 40])
def test_a_commit_that_is_not_there_is_told(project: Project, run: Run, base: str) -> None:
    shown = run("config", "changes", "--base", base, "--repo", str(project.root))
    assert shown.exit_code == 1
    assert "is no commit here" in " ".join(shown.output.split())


def test_outside_of_a_repository_the_option_is_named(tmp_path: Path, run: Run) -> None:
    shown = run("config", "changes", "--base", "HEAD", "--repo", str(tmp_path))
    assert shown.exit_code == 1
    assert "--repo" in shown.output


def test_nothing_of_ours_is_said_to_be_nothing(project: Project, run: Run) -> None:
    project.write("README.md", "other\n")
    project.commit("Words")
    shown = run("config", "changes", "--base", "HEAD^", "--repo", str(project.root))
    assert (shown.exit_code, "are the same" in shown.output) == (0, True)


def test_validate_counts_circuits_or_lists_every_mistake(project: Project, run: Run) -> None:
    directory = str(project.root / "config")
    shown = run("config", "validate", directory)
    assert (shown.exit_code, shown.output) == (0, "3 circuits, no mistakes.\n")
    assert json.loads(run("config", "validate", directory, "--json").stdout) == {"circuits": 3, "problems": []}
    project.edit(circuit_path(), "epochs: 3", "epochs: 0")
    project.edit(circuit_path("P002", "C001"), "lstm_units: 16", "lstm_unit: 16")
    project.write("config/policies.yml", "kinds: {}\n")
    project.write("config/monitoring.yml", "- a list\n")
    shown = run("config", "validate", directory)
    assert shown.exit_code == 1
    for file in (circuit_path(), circuit_path("P002", "C001"), "config/policies.yml", "config/monitoring.yml"):
        assert file in shown.output
    assert "write lstm_units if that is meant" in shown.output


def test_set_environment_only_shows_the_difference(project: Project, run: Run) -> None:
    """Git can apply it."""
    project.edit(circuit_path("P001", "C002"), "1.5.0", "2.0.0")
    before = project.read(circuit_path())
    shown = run("config", "set-environment", "2.0.0", "--config", str(project.root / "config"))
    assert shown.exit_code == 0
    assert project.read(circuit_path()) == before
    assert shown.stdout.count("\n+  environment_version:") == 2
    assert "2 files would change. Give --write" in shown.stderr
    patch = shown.stdout.replace(f"{project.root}/", "")
    subprocess.run(["git", "apply", "-"], cwd=project.root, input=patch.encode(), check=True)
    assert project.read(circuit_path()) == before.replace("1.5.0", "2.0.0")


def test_set_environment_writes_what_it_showed(project: Project, run: Run) -> None:
    """Only of the plants that were named; doing it again changes nothing."""
    words = ("config", "set-environment", "2.0.0", "--config", str(project.root / "config"), "--plant", "P001")
    before = project.read(circuit_path())
    assert "2 files changed" in run(*words, "--write").stderr
    assert project.read(circuit_path()) == before.replace("1.5.0", "2.0.0")
    assert "1.5.0" in project.read(circuit_path("P002", "C001"))
    again = run(*words, "--write")
    assert (again.exit_code, again.stdout) == (0, "")
    assert "already" in again.stderr


@pytest.mark.parametrize(
    ("words", "said"), [(["2.0"], "MAJOR.MINOR.PATCH"), (["2.0.0", "--plant", "P009"], "no plant P009")]
)
def test_set_environment_changes_nothing_when_it_is_asked_wrongly(
    project: Project, run: Run, words: list[str], said: str
) -> None:
    shown = run("config", "set-environment", *words, "--write", "--config", str(project.root / "config"))
    assert shown.exit_code == 1
    assert said in shown.output
    assert project.git("status", "--porcelain") == ""
