"""What lies between two commits, on real git repositories."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from dulwich.objects import Commit
from dulwich.repo import Repo

from shared.adapters.git.changes import find_changes
from shared.adapters.git.tree import files_below, subtree
from shared.application.changes.ports import Found, RepositoryRefused, UnknownCommit
from shared.domain.changes.circuits import CircuitChangeKind, FieldChange
from tests.support.repositories import MASTER, Project, circuit_path

NEW, TRAINING, DEPLOYMENT = CircuitChangeKind.NEW, CircuitChangeKind.TRAINING, CircuitChangeKind.DEPLOYMENT
TEXT, DELETED, UNKNOWN = CircuitChangeKind.TEXT, CircuitChangeKind.DELETED, CircuitChangeKind.UNKNOWN


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.with_fleet(tmp_path / "project")


@pytest.fixture
def repo(project: Project) -> Iterator[Repo]:
    with Repo(str(project.root)) as opened:
        yield opened


def found(repo: Repo, project: Project, base: str) -> Found:
    return find_changes(repo, base, project.head())


def kinds(changes: Found) -> dict[str, CircuitChangeKind]:
    assert changes.problems == ()
    return {f"{each.change.plant_id}-{each.change.circuit_id}": each.change.kind for each in changes.circuits}


def test_another_cutoff_date_has_the_circuit_trained(repo: Repo, project: Project) -> None:
    """With what it was, its text, and the commit, pull request and author that made it."""
    base = project.head()
    project.cutoff("2025-12-20")
    head = project.commit("Train on more days (#17)\n\nFixes #3.", author="Person 7 <person7@example.com>")

    changes = found(repo, project, base)

    (circuit,) = changes.circuits
    assert circuit.change.trains
    assert circuit.change.kind is TRAINING
    assert circuit.change.fields == (
        FieldChange(field="training.cutoff_date", before="2025-12-09", after="2025-12-20"),
    )
    assert (circuit.origin.commit, circuit.origin.pr_number) == (head, "PR-17")
    assert circuit.origin.author == "person7@example.com"
    assert circuit.settings is not None
    assert circuit.settings.text == project.read(circuit_path())
    assert circuit.settings.features == ("temperature", "pressure")


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("epochs: 3", "epochs: 4", TRAINING),
        ("dropout: 0.1", "dropout: 0.10", TEXT),
        ('["temperature", "pressure"]', '["pressure", "temperature"]', TRAINING),
        ('environment_version: "1.5.0"', 'environment_version: "1.6.0"', TRAINING),
        ("mini_batch_size: 100", "mini_batch_size: 50", DEPLOYMENT),
        ("# the last day", "# the last day of all", TEXT),
    ],
)
def test_only_what_training_depends_on_has_a_circuit_trained(
    repo: Repo, project: Project, old: str, new: str, kind: CircuitChangeKind
) -> None:
    base = project.head()
    project.edit(circuit_path(), old, new)
    project.commit("Edit")

    (circuit,) = found(repo, project, base).circuits

    assert circuit.change.kind is kind
    assert circuit.change.trains is (kind is TRAINING)


def test_a_new_circuit_is_trained_and_a_deleted_one_is_told(repo: Repo, project: Project) -> None:
    base = project.head()
    project.circuit("P002", "C002")
    (project.root / circuit_path("P001", "C002")).unlink()
    project.fleet({"P001": ["C001"], "P002": ["C001", "C002"]})
    project.commit("One comes, one goes")

    changes = found(repo, project, base)

    assert kinds(changes) == {"P001-C002": DELETED, "P002-C002": NEW}
    assert [each.change.trains for each in changes.circuits] == [False, True]
    assert changes.circuits[0].settings is None
    assert any(MASTER in note for note in changes.notes)


def test_a_renamed_circuit_is_one_that_ends_and_one_that_begins(repo: Repo, project: Project) -> None:
    """And it is told what it was."""
    base = project.head()
    project.git("mv", circuit_path("P001", "C002"), circuit_path("P001", "C003"))
    project.write(circuit_path("P001", "C003"), project.read(circuit_path("P001", "C003")).replace("C002", "C003"))
    project.fleet({"P001": ["C001", "C003"], "P002": ["C001"]})
    project.commit("Rename")

    changes = found(repo, project, base)

    assert kinds(changes) == {"P001-C002": DELETED, "P001-C003": NEW}
    assert changes.circuits[1].change.renamed_from == circuit_path("P001", "C002")


def test_the_master_list_alone_trains_nobody(repo: Repo, project: Project) -> None:
    base = project.head()
    project.edit(MASTER, "Plant P001", "Plant of P001")
    project.commit("Names")

    changes = found(repo, project, base)

    assert changes.circuits == ()
    assert not changes.is_empty


def test_what_is_outside_of_config_and_environment_is_none_of_ours(repo: Repo, project: Project) -> None:
    base = project.head()
    project.write("README.md", "another text\n")
    project.write("conf/plants/P001/C001.yml", "no circuit\n")
    project.commit("Elsewhere")

    assert found(repo, project, base).is_empty


def test_any_invalid_file_fails_the_whole_change(repo: Repo, project: Project) -> None:
    """Every mistake in every file is told, with its line; circuits that are right are not found either."""
    base = project.head()
    project.cutoff("2025-12-20")
    project.edit(circuit_path("P001", "C002"), "epochs: 3", "epochs: many")
    project.edit(circuit_path("P002", "C001"), "1.5.0", "1.5")
    project.commit("Two mistakes")

    changes = found(repo, project, base)

    told = [(each.file, each.field, each.value, each.line) for each in changes.problems]
    assert told == [
        (circuit_path("P001", "C002"), "training.hyperparameters.epochs", "many", 13),
        (circuit_path("P002", "C001"), "training.environment_version", "1.5", 6),
    ]
    assert all(each.reason and each.fix for each in changes.problems)
    assert changes.circuits == ()


def test_a_mistake_in_a_file_that_did_not_change_fails_the_change_too(repo: Repo, project: Project) -> None:
    """The tree is checked as a whole: a circuit may be taken off the list, and its file stay."""
    base = project.head()
    project.fleet({"P001": ["C001"], "P002": ["C001"]})
    project.commit("Forgotten file")

    (problem,) = found(repo, project, base).problems

    assert (problem.file, problem.reason) == (circuit_path("P001", "C002"), "the circuit is not listed")


def test_the_policies_are_checked_with_the_tree_and_cannot_go_away(repo: Repo, project: Project) -> None:
    """Nor those of monitoring; a tree that never had them is fine."""
    policies = (Path(__file__).parents[3] / "config" / "policies.yml").read_text()
    project.write("config/policies.yml", policies)
    base = project.commit("Policies")
    project.write("config/policies.yml", policies + "\nsomething: else\n")
    project.write("config/monitoring.yml", "- a list\n")
    project.commit("Two mistakes")
    told = {each.file: each for each in found(repo, project, base).problems}
    assert told["config/policies.yml"].field == "something"
    assert "config/monitoring.yml" in told

    (project.root / "config/policies.yml").unlink()
    (project.root / "config/monitoring.yml").unlink()
    project.commit("Gone")
    (problem,) = found(repo, project, base).problems
    assert (problem.file, problem.reason) == ("config/policies.yml", "the file is gone")


def test_a_file_that_was_wrong_before_is_trained_once_it_is_right(repo: Repo, project: Project) -> None:
    """Nobody knows what its model was trained on."""
    project.edit(circuit_path(), "epochs: 3", "epochs: many")
    base = project.commit("A mistake")
    project.edit(circuit_path(), "epochs: many", "epochs: 5")
    project.commit("Repaired")

    (circuit,) = found(repo, project, base).circuits

    assert circuit.change.kind is UNKNOWN
    assert circuit.change.trains


def test_a_merge_brings_what_its_branch_changed_and_names_who_wrote_it(repo: Repo, project: Project) -> None:
    """Not who pressed the button; what main got meanwhile is not part of it."""
    project.branch("topic")
    project.cutoff("2025-12-20")
    project.commit("wip", author="Person 7 <person7@example.com>")
    project.git("switch", "--quiet", "main")
    project.cutoff("2025-12-15", "P002", "C001")
    base = project.commit("Meanwhile")
    head = project.merge("topic", "Merged PR 1234: Train on more days")

    changes = found(repo, project, base)

    assert kinds(changes) == {"P001-C001": TRAINING}
    origin = changes.circuits[0].origin
    assert (origin.commit, origin.pr_number, origin.author) == (head, "PR-1234", "person7@example.com")


def test_of_several_merges_each_circuit_names_its_own(repo: Repo, project: Project) -> None:
    """What was not taken at once comes later with the pull request that made it."""
    base = project.head()
    project.cutoff("2025-12-20")
    first = project.commit("Merge pull request #11 from topic")
    project.cutoff("2025-12-20", "P002", "C001")
    second = project.commit("Merge pull request #12 from topic")
    project.write("README.md", "later\n")
    project.commit("Merge pull request #13 from topic")

    origins = {each.change.plant_id: each.origin for each in found(repo, project, base).circuits}

    assert (origins["P001"].commit, origins["P001"].pr_number) == (first, "PR-11")
    assert (origins["P002"].commit, origins["P002"].pr_number) == (second, "PR-12")


def test_without_a_base_everything_is_new(repo: Repo, project: Project) -> None:
    assert set(kinds(found(repo, project, "")).values()) == {NEW}


def test_a_commit_nobody_has_is_unknown(repo: Repo, project: Project) -> None:
    blob = project.git("rev-parse", f"HEAD:{MASTER}")
    for sha in ("0" * 40, "no commit", blob):
        with pytest.raises(UnknownCommit):
            find_changes(repo, "", sha)


def test_links_are_mistakes_not_files(repo: Repo, project: Project) -> None:
    """A link in a repository may point anywhere on the machine that reads it."""
    base = project.head()
    os.symlink("/etc/passwd", project.root / circuit_path("P001", "C009"))
    os.symlink("/etc/passwd", project.root / "environment/passwd")
    project.commit("Links")

    problems = found(repo, project, base).problems

    assert {"config/plants/P001/C009.yml", "environment/passwd"} <= {
        each.file for each in problems if "symbolic link" in each.reason
    }


def test_a_directory_beyond_its_limit_is_refused(repo: Repo, project: Project) -> None:
    head = repo[project.head().encode()]
    assert isinstance(head, Commit)
    tree = subtree(repo, head, "config")
    assert files_below(repo, tree).content
    with pytest.raises(RepositoryRefused, match="keep large files out"):
        files_below(repo, tree, bytes_max=1000)


def test_pointers_of_git_lfs_are_mistakes_not_files(repo: Repo, project: Project) -> None:
    """Whoever reads the pointer in place of the file would register three lines of text."""
    base = project.head()
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'4d' * 32}\nsize 48123456\n"
    project.write("environment/sensor_model/scaler.npz", pointer)
    project.write("config/plants/P001/C001.yml", pointer)
    project.commit("Track with LFS")

    problems = found(repo, project, base).problems

    assert {each.file for each in problems if "Git LFS" in each.reason} == {
        "environment/sensor_model/scaler.npz",
        "config/plants/P001/C001.yml",
    }
