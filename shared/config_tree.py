"""What people and pipelines ask of a tree of configuration files: is it valid, what changed, and edit it.

It needs no app. The code is the one that reads merged changes in the app, so that both say the same (decision 14).
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import date
from pathlib import Path

from shared.adapters.config.check import checked
from shared.adapters.config.edits import EditError, with_environment_version
from shared.adapters.config.files import ConfigError, DiskTree, load_fleet
from shared.adapters.git import local
from shared.application.changes.ports import Found
from shared.domain.changes.circuits import ConfigProblem, days_not_over

__all__ = ["ConfigProblem", "ConfigTreeError", "Edits", "Found", "changes_between", "check", "edit_environment_version"]

Edits = dict[Path, tuple[str, str]]
"""Files that would change, with their texts before and after."""


class ConfigTreeError(Exception):
    """The repository cannot be read, or the tree cannot be edited; the text says why and what to do."""


def check(directory: Path) -> tuple[int, list[ConfigProblem]]:
    """How many circuits the tree has, and every mistake in it. With a mistake in the fleet's files there are none."""
    fleet, problems = checked(DiskTree(directory))
    return len(fleet) if fleet is not None else 0, problems


def changes_between(repository: Path, base: str, head: str, today: date) -> Found:
    """What lies between two commits, and every mistake for which the app would train nothing.

    Raises ConfigTreeError.
    """
    try:
        found = local.changes_between(repository, base, head)
    except local.LocalRepositoryError as error:
        raise ConfigTreeError(str(error)) from error
    return replace(found, problems=(*found.problems, *days_not_over(found.trained, today)))


def edit_environment_version(config: Path, version: str, plants: Collection[str]) -> Edits:
    """Sets the version of every circuit, or of the circuits of `plants`; nothing is written.

    Raises ConfigTreeError unless the whole tree is valid and the plants are in it.
    """
    try:
        return _edits(config, version, plants)
    except (EditError, ConfigError) as error:
        raise ConfigTreeError(str(error)) from error


def _edits(config: Path, version: str, plants: Collection[str]) -> Edits:
    fleet = load_fleet(config)
    unknown = sorted(set(plants) - {plant.plant_id for plant in fleet.plants})
    if unknown:
        raise EditError(f"no plant {', '.join(unknown)} in {(config / 'plants_circuits.yml').as_posix()}")
    edits = {}
    for circuit in fleet.circuits:
        if plants and circuit.plant_id not in plants:
            continue
        path = config / "plants" / circuit.plant_id / f"{circuit.circuit_id}.yml"
        before = path.read_bytes().decode()
        after = with_environment_version(before, version, path.as_posix())
        if after != before:
            edits[path] = (before, after)
    return edits
