"""The parts of the environment demo that need no cloud."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from cli.views import Release, Target
from local.demos.data_directory import emptied
from local.demos.environment.matrix import matrix
from local.demos.environment.production import Running, differences, unmarked, versions
from local.demos.environment.story import fact_of
from local.demos.environment.times import Times
from local.seeding.uploads import quiet_uploads
from local.supervisor.cloud import CloudError

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def target(place: str, progress: str = "done", check: str | None = "passed") -> Target:
    plant_id, _, circuit_id = place.partition("/")
    return Target(
        key=f"{plant_id}-{circuit_id}",
        plant_id=plant_id,
        circuit_id=circuit_id,
        progress=progress,
        attempt=1,
        touched=False,
        check=check,
        check_detail="",
        detail="",
        previous_model="m:1",
        previous_environment="e:1.5.0",
    )


def shown(*targets: Target, work: str | None = "checking", width: int = 100) -> list[str]:
    """The lines of the matrix, without spaces at their ends."""
    console = Console(file=StringIO(), width=width)
    console.print(matrix(targets, work))
    assert isinstance(console.file, StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def running(version: str = "1.5.0", **tags: str) -> Running:
    return Running(
        model="azureml://registries/r/models/m/versions/1",
        environment=f"azureml://registries/r/environments/custom-tf-env/versions/{version}",
        code="code",
        scoring_script="score.py",
        compute="cpu-cluster",
        mini_batch_size=100,
        variables={},
        tags=tags,
    )


def test_the_matrix_has_a_line_per_plant_and_a_sign_per_circuit() -> None:
    """Whatever order the targets come in."""
    lines = shown(
        target("P002/C001", "changing", None),
        target("P001/C002", check="failed"),
        target("P001/C001"),
        target("P002/C002", "waiting", None),
    )
    assert lines[1:3] == ["P001 ✓ ✗", "P002 ▸ ·"]
    assert lines[3] == "✓ 1 predicts the same   ✗ 1 does not work   ▸ 1 is checked   · 1 waits"


def test_a_circuit_that_a_plant_does_not_have_is_a_gap() -> None:
    lines = shown(target("P001/C001"), target("P001/C010"), target("P002/C010"))
    assert lines[:3] == ["     1 10", "P001 ✓  ✓", "P002    ✓"]


@pytest.mark.parametrize(
    ("work", "progress", "sign"),
    [
        ("checking", "failed", "!"),
        ("updating", "done", "●"),
        ("updating", "changing", "▸"),
        ("rolling_back", "waiting", "●"),
        ("rolling_back", "changing", "◂"),
        ("rolling_back", "done", "✓"),
        ("rolling_back", "untouched", "–"),
        ("verifying_rollback", "untouched", "✓"),
        ("verifying_rollback", "done", "★"),
        ("something new", "done", "?"),
    ],
)
def test_the_sign_follows_the_work_and_not_the_check_once_it_is_over(work: str, progress: str, sign: str) -> None:
    assert shown(target("P001/C001", progress), work=work)[1] == f"P001 {sign}"


def test_two_hundred_circuits_fit_on_one_screen() -> None:
    """Blocks of ten plants stand side by side."""
    fleet = [target(f"P{plant:03}/C{circuit:03}") for plant in range(1, 21) for circuit in range(1, 11)]
    lines = shown(*fleet, width=80)
    assert len(lines) == 12
    assert "P001" in lines[1]
    assert "P011" in lines[1]


def test_production_is_compared_in_full_and_its_versions_are_counted() -> None:
    before = {"P001/C001": running(), "P001/C002": running()}
    assert versions({**before, "P001/C003": running("1.5.1")}) == "2 on 1.5.0, 1 on 1.5.1"
    assert differences(before, dict(before)) == []
    changed = {"P001/C001": running(release_id="r"), "P001/C003": running()}
    assert differences(before, changed) == ["P001/C001", "P001/C002", "P001/C003"]


def test_the_marks_of_a_roll_back_are_no_difference_to_what_ran_before() -> None:
    marked = running(model_version="1", restored_by_release="r", rolled_back_at="now", rollback_reason="alerts")
    assert unmarked({"P001/C001": marked}) == {"P001/C001": running(model_version="1")}


def test_what_the_team_is_told_is_the_fact_about_the_phase_of_the_release(tmp_path: Path) -> None:
    file = tmp_path / "facts.jsonl"
    release = Release(
        release_id="r-1", model="custom-tf-env:1.5.2", circuit="fleet of 2", phase="failed", ended=True, reason="",
        waiting=None, opened_at=NOW, phase_since=NOW, attempt=1, gate=None, check_runs=[], registry_model_id="",
        previous_model=None, production_touched=False,
    )  # fmt: skip
    assert fact_of(file, release) is None
    facts = [("r-1", "checking", "begun"), ("r-2", "failed", "another"), ("r-1", "failed", "one model fails")]
    names = ("release_id", "phase", "reason")
    told = [{"type": f"switchyard.release.{fact[1]}", "data": dict(zip(names, fact, strict=True))} for fact in facts]
    told.append({"type": "switchyard.alert.acted", "data": {"key": "k", "reason": "no release"}})
    file.write_text("".join(json.dumps(fact) + "\n" for fact in told))
    assert fact_of(file, release) == "one model fails"


def test_times_are_shown_in_the_order_in_which_they_were_taken() -> None:
    times = Times()
    times.add("update", 12.34)
    times.add("everything", 100)
    console = Console(file=StringIO(), width=60)
    console.print(times.table())
    assert isinstance(console.file, StringIO)
    text = console.file.getvalue()
    assert text.index("12.3") < text.index("100.0")


def test_a_demo_empties_only_the_directory_of_a_demo(tmp_path: Path) -> None:
    emptied(tmp_path / "none")
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("precious")
    with pytest.raises(CloudError, match="holds no local cloud"):
        emptied(other)
    earlier = tmp_path / "earlier"
    earlier.mkdir()
    (earlier / "ports.json").write_text("{}")
    emptied(earlier)
    assert (other / "thesis.txt").read_text() == "precious"
    assert not earlier.exists()


def test_only_the_noise_of_uploads_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    """The client prints it exactly like this; an empty line of anybody else stays."""
    with quiet_uploads():
        print("\x1b[39m" + "\n", file=sys.stderr)  # noqa: T201
        print("a warning", file=sys.stderr)  # noqa: T201
        print(file=sys.stderr)  # noqa: T201
    print("later", file=sys.stderr)  # noqa: T201
    assert capsys.readouterr().err == "a warning\n\nlater\n"
