"""What a merge means for the environment, on real git repositories."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from dulwich.repo import Repo

from shared.adapters.git.changes import find_changes
from shared.application.changes.ports import Found
from shared.domain.changes.circuits import CircuitChangeKind
from shared.domain.changes.versions import ChangeClass
from tests.support.repositories import ENVIRONMENT, Project, circuit_path


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.with_fleet(tmp_path / "project")


@pytest.fixture
def repo(project: Project) -> Iterator[Repo]:
    with Repo(str(project.root)) as opened:
        yield opened


def found(repo: Repo, project: Project, base: str) -> Found:
    return find_changes(repo, base, project.head())


def test_a_higher_version_of_the_environment_is_found_with_its_files(repo: Repo, project: Project) -> None:
    base = project.head()
    project.environment("1.5.1", change_summary="Clearer log")
    head = project.commit("Clearer log (#20)")

    changes = found(repo, project, base)

    assert changes.problems == ()
    assert changes.environment is not None
    change = changes.environment
    assert (change.version, change.previous, change.kind) == ("1.5.1", "1.5.0", ChangeClass.PATCH)
    assert not change.breaking
    assert (change.moved, change.waiting) == ((), 3)
    assert changes.environment_files["custom_tf_env.yml"].decode() == project.read(ENVIRONMENT)
    assert changes.digest == project.git("rev-parse", "HEAD:environment")
    assert changes.environment_origin is not None
    assert changes.environment_origin.commit == head


def test_a_breaking_version_trains_the_circuits_whose_file_moved_to_it(repo: Repo, project: Project) -> None:
    base = project.head()
    project.environment(
        "2.0.0",
        backward_compatible="false",
        requires_retrain="true",
        breaking_changes="other features",
        change_summary="Other features",
    )
    project.edit(circuit_path("P001", "C002"), "1.5.0", "2.0.0")
    project.commit("Other features (#21)")

    changes = found(repo, project, base)

    (circuit,) = changes.circuits
    assert (circuit.change.circuit_id, circuit.change.kind) == ("C002", CircuitChangeKind.TRAINING)
    assert changes.environment is not None
    assert changes.environment.breaking
    assert (changes.environment.moved, changes.environment.waiting) == (("P001-C002",), 2)


@pytest.mark.parametrize(
    ("version", "tags", "field", "said"),
    [
        ("1.5.0", {"change_summary": "Another"}, "version", "the version stayed"),
        ("1.4.0", {}, "version", "above"),
        ("2.0.0", {}, "version and tags", "in agreement"),
        ("1.6.0", {"requires_retrain": "true"}, "version and tags", "in agreement"),
        ("1.6.0", {"change_summary": " "}, "tags.change_summary", "what changed"),
        ("1.6.0", {"tensorflow_version": "2.22.0"}, "version", "TensorFlow changes from 2.21.0 to 2.22.0"),
        ("1.6.0", {"tensorflow_version": "2.22.0"}, "tags.tensorflow_version", "requirements.txt says 2.21.0"),
        ("1.6.0", {"python_version": "3.12"}, "tags.python_version", "conda.yml says 3.11"),
        ("1.6.0", {"source_code_version": "1.5.0"}, "tags.source_code_version", "the environment's version"),
    ],
)
def test_a_version_that_does_not_say_what_changed_is_a_mistake(
    repo: Repo, project: Project, version: str, tags: dict[str, str], field: str, said: str
) -> None:
    base = project.head()
    project.environment(version, **tags)
    project.commit("Environment")

    problems = found(repo, project, base).problems

    assert any(each.field == field and said in each.reason for each in problems), problems


ELSEWHERE = [
    ("build", "image: mcr.microsoft.com/x:latest"),
    ("image", "build:\n  path: .\nimage: mcr.microsoft.com/x:latest"),
    ("conda_file", "build:\n  path: .\nconda_file: ../config/policies.yml"),
    ("conda_file", "build:\n  path: .\nconda_file: /etc/passwd"),
    ("conda_file", "build:\n  path: .\nconda_file: conda.yml"),
    ("datastore", "build:\n  path: .\ndatastore: other"),
    ("build", "build: [.]"),
    ("build.path", "build:\n  path: .."),
    ("build.path", "build:\n  path: sensor_model"),
    ("build.path", "build:\n  path: /tmp"),
    ("build.path", "build:\n  path: https://example.com/files"),
    ("build.path", "build:\n  path: 7"),
    ("build.dockerfile_path", "build:\n  path: .\n  dockerfile_path: ../Dockerfile"),
    ("build.dockerfile_path", "build:\n  path: .\n  dockerfile_path: sensor_model/../Dockerfile"),
    ("build.dockerfile_path", "build:\n  path: .\n  dockerfile_path: /etc/passwd"),
    ("build.dockerfile_path", "build:\n  path: .\n  dockerfile_path: https://example.com/Dockerfile"),
    ("build.dockerfile_path", "build:\n  path: .\n  dockerfile_path: Missing"),
    ("build.dockerfile_path", "build:\n  path: .\n  dockerfile_path: [Dockerfile]"),
    ("build.args", "build:\n  path: .\n  args: x"),
]


@pytest.mark.parametrize(("field", "build"), ELSEWHERE)
def test_a_version_is_built_from_nothing_but_the_files_of_its_folder(
    repo: Repo, project: Project, field: str, build: str
) -> None:
    """The digest names those, and a path out of them would publish what it leads to."""
    base = project.head()
    project.environment("1.5.1")
    project.edit(ENVIRONMENT, "build:\n  path: .\n  dockerfile_path: Dockerfile", build)
    project.commit("Elsewhere")

    changes = found(repo, project, base)

    assert field in {each.field for each in changes.problems}
    assert changes.environment is None


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "a:1", "%2e%2e"])
def test_a_name_that_leads_elsewhere_is_a_mistake(repo: Repo, project: Project, name: str) -> None:
    base = project.head()
    project.environment("1.5.1")
    project.edit(ENVIRONMENT, "name: custom-tf-env", f'name: "{name}"')
    project.commit("Elsewhere")

    assert "name" in {each.field for each in found(repo, project, base).problems}


@pytest.mark.parametrize("build", ["build:\n  path: ./", "build:\n  path: .\n  dockerfile_path: ./docker/File"])
def test_any_dockerfile_of_the_folder_may_be_named(repo: Repo, project: Project, build: str) -> None:
    base = project.head()
    project.environment("1.5.1")
    project.write("environment/docker/File", "FROM scratch\n")
    project.edit(ENVIRONMENT, "build:\n  path: .\n  dockerfile_path: Dockerfile", build)
    project.commit("Within")

    assert found(repo, project, base).environment is not None


def test_a_file_of_the_environment_cannot_change_without_its_version(repo: Repo, project: Project) -> None:
    """The mistake names the file."""
    base = project.head()
    project.write("environment/sensor_model/score.py", "print()\n")
    project.commit("Quietly")

    (problem,) = found(repo, project, base).problems

    assert (problem.file, problem.field, problem.value) == (ENVIRONMENT, "version", "1.5.0")
    assert "sensor_model/score.py" in problem.reason


def test_an_environment_without_its_definition_is_a_mistake(repo: Repo, project: Project) -> None:
    base = project.head()
    (project.root / ENVIRONMENT).unlink()
    project.commit("Gone")

    (problem,) = found(repo, project, base).problems

    assert (problem.file, problem.reason) == (ENVIRONMENT, "the file is missing")


def test_a_definition_that_is_repaired_needs_no_previous_version(repo: Repo, project: Project) -> None:
    project.write(ENVIRONMENT, "name: [\n")
    base = project.commit("Broken")
    project.environment("1.5.0")
    project.commit("Repaired")

    changes = found(repo, project, base)

    assert changes.problems == ()
    assert changes.environment is not None
    assert (changes.environment.previous, changes.environment.kind) == ("", None)
