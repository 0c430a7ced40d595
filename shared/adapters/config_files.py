"""Reads the configuration directory: the fleet (`plants_circuits.yml`, `plants/`) and `policies.yml`.

Every mistake in every file is found before anything is refused; see `ConfigError`.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from shared.adapters.config_problems import problems_of
from shared.adapters.strict_yaml import FILE_BYTES_MAX, Document, parse
from shared.contracts.configuration import CircuitConfig, ConfigError, Fleet, MasterList, Policies, Problem

__all__ = ["ConfigError", "Problem", "load_circuit", "load_fleet", "load_policies"]

MASTER_LIST = "plants_circuits.yml"
PLANTS_DIR = "plants"

CircuitKey = tuple[str, str]
"""(plant_id, circuit_id) as the path of a circuit's file says it."""

Model = TypeVar("Model", bound=BaseModel)


def load_fleet(config_dir: str | os.PathLike[str]) -> Fleet:
    """The whole fleet; ConfigError with every problem of every file when anything is wrong."""
    root = Path(config_dir)
    problems: list[Problem] = []
    files = _circuit_files(root, problems)
    circuits: dict[CircuitKey, CircuitConfig] = {}
    for key, path in files.items():
        try:
            circuits[key] = load_circuit(path)
        except ConfigError as error:
            problems += error.problems
    try:
        document, master = _load(root / MASTER_LIST, MasterList)
    except ConfigError as error:
        raise ConfigError([*error.problems, *problems]) from error
    problems[:0] = _list_against_files(document, master, files)
    if problems:
        raise ConfigError(problems)
    listed = ((plant.plant_id, entry.circuit_id) for plant in master.plants for entry in plant.circuits)
    return Fleet(plants=master.plants, circuits=tuple(circuits[key] for key in listed))


def load_circuit(path: str | os.PathLike[str]) -> CircuitConfig:
    """One circuit's file, checked against its place in the tree (`plants/<plant_id>/<circuit_id>.yml`)."""
    file = Path(path)
    document, circuit = _load(file, CircuitConfig)
    if problems := list(_against_path(document, circuit, file)):
        raise ConfigError(problems)
    return circuit


def load_policies(path: str | os.PathLike[str]) -> Policies:
    """The release policy; ConfigError with every problem when anything is wrong."""
    file = Path(path)
    document, policies = _load(file, Policies)
    fix = f"add it to groups, or write one of: {', '.join(policies.groups)}"
    problems = [
        document.problem(place, "the group is not in groups", fix)
        for place, group in _groups_used(policies)
        if group not in policies.groups
    ]
    if problems:
        raise ConfigError(problems)
    return policies


def _groups_used(policies: Policies) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every group that has a say, with its place in the file."""
    kinds = policies.kinds
    for kind, road in (("model", kinds.model), ("environment", kinds.environment)):
        for i, stage in enumerate(road.stages):
            for j, approval in enumerate(stage.gate.approvals if stage.gate else ()):
                yield ("kinds", kind, "stages", i, "gate", "approvals", j, "group"), approval.group
    for j, approval in enumerate(kinds.rollback.gate.approvals):
        yield ("kinds", "rollback", "gate", "approvals", j, "group"), approval.group
    for j, group in enumerate(policies.freeze_groups):
        yield ("freeze_groups", j), group


def _load(path: Path, model: type[Model]) -> tuple[Document, Model]:
    shown = _shown(path)
    try:
        with path.open("rb") as stream:
            raw = stream.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        reason = f"cannot be read ({error.strerror})"
        fix = "create the file, or correct its name or access rights"
        raise ConfigError([Problem(file=shown, field="", value="", reason=reason, fix=fix)]) from error
    document = parse(raw, shown)
    try:
        return document, model.model_validate(document.value)
    except ValidationError as error:
        raise ConfigError(problems_of(error, model, document)) from error


def _shown(path: Path) -> str:
    """The file as it is named in problems: from the configuration directory on, wherever that is."""
    parts = path.absolute().parts
    if PLANTS_DIR in parts[-3:]:
        return "/".join(parts[-4:])
    return "/".join(parts[-2:])


def _circuit_files(root: Path, problems: list[Problem]) -> dict[CircuitKey, Path]:
    """Every circuit's file under `plants/`; a file that is somewhere else or named otherwise is a problem."""
    files: dict[CircuitKey, Path] = {}
    for path in sorted((root / PLANTS_DIR).rglob("*")):
        if path.is_dir() or path.name.startswith("."):
            continue
        place = path.relative_to(root / PLANTS_DIR).parts
        if len(place) == 2 and path.suffix == ".yml":
            files[place[0], path.stem] = path
            continue
        problems.append(
            Problem(
                file="/".join((root.absolute().name, PLANTS_DIR, *place)),
                field="",
                value="",
                reason="not the file of a circuit",
                fix=f"name it {root.absolute().name}/{PLANTS_DIR}/<plant_id>/<circuit_id>.yml, or remove it",
            )
        )
    return files


def _list_against_files(document: Document, master: MasterList, files: dict[CircuitKey, Path]) -> Iterator[Problem]:
    """Circuits listed twice or without a file, plants listed twice, files without an entry in the list."""
    plants: set[str] = set()
    listed: set[CircuitKey] = set()
    for i, plant in enumerate(master.plants):
        if plant.plant_id in plants:
            yield document.problem(("plants", i, "plant_id"), "the plant is listed twice", "keep one entry per plant")
        plants.add(plant.plant_id)
        for j, entry in enumerate(plant.circuits):
            key, path = (plant.plant_id, entry.circuit_id), ("plants", i, "circuits", j, "circuit_id")
            if key in listed:
                yield document.problem(path, "the circuit is listed twice", "keep one entry per circuit of a plant")
            elif key not in files:
                wanted = "/".join((document.file.split("/")[0], PLANTS_DIR, key[0], f"{key[1]}.yml"))
                yield document.problem(path, f"there is no {wanted}", "create that file, or remove this entry")
            listed.add(key)
    for key in files.keys() - listed:
        fix = f"add {key[0]}/{key[1]} to {document.file}, or remove this file"
        yield Problem(file=_shown(files[key]), field="", value="", reason="the circuit is not listed", fix=fix)


def _against_path(document: Document, circuit: CircuitConfig, path: Path) -> Iterator[Problem]:
    """Ids that differ from the path, and a sensor that belongs to another circuit."""
    plant_id, circuit_id = path.absolute().parent.name, path.stem
    if circuit.plant_id != plant_id:
        yield document.problem(
            ("plant_id",),
            f"the file is in the directory of {plant_id}",
            f'write "{plant_id}", or move the file',
        )
    if circuit.circuit_id != circuit_id:
        yield document.problem(
            ("circuit_id",),
            f"the file is named for {circuit_id}",
            f'write "{circuit_id}", or rename the file',
        )
    sensor_id = f"SENSOR_{circuit.plant_id}_{circuit.circuit_id}"
    if circuit.training.data_filters.sensor_id != sensor_id:
        path_in_file = ("training", "data_filters", "sensor_id")
        yield document.problem(path_in_file, "the sensor of another circuit", f'write "{sensor_id}"')
