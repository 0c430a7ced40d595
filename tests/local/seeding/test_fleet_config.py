"""The configuration and the environment versions of a seeded fleet are ones that the product takes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from local.seeding.environment_factory import CLEARER_LOG, COLUMN_BY_COLUMN, FIRST, CodeChange, write_version
from local.seeding.fleet_config import CIRCUITS_MAX, fleet_of, with_two_features, write_config
from local.seeding.model_factory import ENVIRONMENT_FILE
from local.supervisor.cloud import CloudError
from shared.adapters.config.files import load_fleet
from shared.domain.changes.versions import review


def test_circuits_are_numbered_by_plant_ten_to_each() -> None:
    assert [f"{each}" for each in fleet_of(12)][8:] == ["P001/C009", "P001/C010", "P002/C001", "P002/C002"]


@pytest.mark.parametrize("count", [0, CIRCUITS_MAX + 1])
def test_a_fleet_has_a_size_that_makes_sense(count: int) -> None:
    with pytest.raises(ValueError, match="1 to 1000"):
        fleet_of(count)


@pytest.mark.parametrize("count", [2, 75, 200])
def test_the_product_loads_the_configuration_of_a_fleet_of_any_size(tmp_path: Path, count: int) -> None:
    """One circuit has two features, all others three."""
    circuits = fleet_of(count)
    write_config(tmp_path, circuits)
    loaded = load_fleet(tmp_path)
    assert sorted(f"{each.plant_id}/{each.circuit_id}" for each in loaded.circuits) == [*map(str, circuits)]
    odd = with_two_features(circuits)
    fewer = [each for each in loaded.circuits if len(each.training.data_filters.feature_columns) == 2]
    assert [(each.plant_id, each.circuit_id) for each in fewer] == [(odd.plant_id, odd.circuit_id)]


@pytest.mark.parametrize("change", [CLEARER_LOG, COLUMN_BY_COLUMN])
def test_a_version_may_be_released_without_new_models_as_far_as_its_tags_say(
    tmp_path: Path, change: CodeChange
) -> None:
    content = yaml.safe_load(write_version(tmp_path / change.version, change).read_text())
    reviewed = review(version=change.version, previous=FIRST.version, tags=content["tags"])
    assert reviewed.may_be_released, [f"{problem}" for problem in reviewed.problems]


def test_a_version_differs_from_the_one_before_in_its_number_and_its_change_alone(tmp_path: Path) -> None:
    write_version(tmp_path / "new", COLUMN_BY_COLUMN)
    before = {
        file.relative_to(ENVIRONMENT_FILE.parent)
        for file in ENVIRONMENT_FILE.parent.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and file != ENVIRONMENT_FILE
    }
    changed = [
        file.as_posix()
        for file in before
        if (tmp_path / "new" / file).read_bytes() != (ENVIRONMENT_FILE.parent / file).read_bytes()
    ]
    assert sorted(changed) == ["sensor_model/__init__.py", COLUMN_BY_COLUMN.file]


def test_a_change_that_does_not_fit_the_code_is_refused(tmp_path: Path) -> None:
    change = CodeChange(
        version="1.5.9", summary="", pull_request="", file="sensor_model/score.py", before="nothing like it"
    )
    with pytest.raises(CloudError, match=r"score\.py should hold once"):
        write_version(tmp_path / "new", change)
