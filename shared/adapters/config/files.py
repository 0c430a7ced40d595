"""Reads the configuration directory: the fleet (`plants_circuits.yml`, `plants/`) and `policies.yml`.

Every mistake in every file is found before anything is refused; see `ConfigError`. The files of a fleet may lie on disk
or be those of a commit (`ConfigTree`).
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from shared.adapters.config.problems import problems_of
from shared.adapters.config.strict_yaml import FILE_BYTES_MAX, Document, parse
from shared.contracts.config.files import CircuitConfig, ConfigError, FleetConfig, MasterList, Policies
from shared.domain.changes.circuits import ConfigProblem

__all__ = [
    "ConfigError",
    "ConfigTree",
    "DiskTree",
    "FileTree",
    "circuit_of",
    "circuit_path",
    "file_of",
    "fleet_of",
    "load_circuit",
    "load_file",
    "load_fleet",
    "load_policies",
    "policies_of",
]

MASTER_LIST = "plants_circuits.yml"
PLANTS_DIR = "plants"


def circuit_path(plant_id: str, circuit_id: str) -> str:
    """Where a circuit's file is in the directory."""
    return f"{PLANTS_DIR}/{plant_id}/{circuit_id}.yml"


CircuitKey = tuple[str, str]
"""(plant_id, circuit_id) as the path of a circuit's file says it."""

Model = TypeVar("Model", bound=BaseModel)


class ConfigTree(Protocol):
    """The files of one configuration directory; paths are relative to it, with slashes."""

    @property
    def name(self) -> str:
        """What the directory is called in problems, for example `config`."""

    def under(self, directory: str) -> list[str]:
        """Paths of all files below `directory`, sorted; hidden files are left out."""

    def read(self, path: str) -> bytes:
        """What the file holds, cut where it is too large to be read. Raises OSError."""


@dataclass(frozen=True)
class DiskTree:
    """A directory on disk."""

    root: Path
    name: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.root.absolute().name)

    def under(self, directory: str) -> list[str]:
        """Everything that is not a directory."""
        found = (path for path in (self.root / directory).rglob("*") if not path.is_dir())
        return sorted(path.relative_to(self.root).as_posix() for path in found if not path.name.startswith("."))

    def read(self, path: str) -> bytes:
        """One byte more than is allowed, so that too large shows."""
        with (self.root / path).open("rb") as stream:
            return stream.read(FILE_BYTES_MAX + 1)


@dataclass(frozen=True)
class FileTree:
    """Files in memory, such as those of a commit."""

    files: Mapping[str, bytes]
    name: str = "config"

    def under(self, directory: str) -> list[str]:
        """Files whose path begins with the directory."""
        found = (path for path in self.files if path.startswith(f"{directory}/"))
        return sorted(path for path in found if not path.rpartition("/")[2].startswith("."))

    def read(self, path: str) -> bytes:
        """Raises FileNotFoundError as a disk does."""
        try:
            return self.files[path]
        except KeyError:
            raise FileNotFoundError(2, "No such file or directory", path) from None


def load_fleet(config_dir: str | os.PathLike[str]) -> FleetConfig:
    """The whole fleet; ConfigError with every problem of every file when anything is wrong."""
    return fleet_of(DiskTree(Path(config_dir)))


def fleet_of(tree: ConfigTree) -> FleetConfig:
    """The fleet of a tree; ConfigError with every problem of every file when anything is wrong."""
    problems: list[ConfigProblem] = []
    files = _circuit_files(tree, problems)
    circuits: dict[CircuitKey, CircuitConfig] = {}
    for key, path in files.items():
        try:
            circuits[key] = circuit_of(tree, path)
        except ConfigError as error:
            problems += error.problems
    try:
        document, master = _load(tree, MASTER_LIST, MasterList)
    except ConfigError as error:
        raise ConfigError([*error.problems, *problems]) from error
    problems[:0] = _list_against_files(document, master, files)
    if problems:
        raise ConfigError(problems)
    listed = ((plant.plant_id, entry.circuit_id) for plant in master.plants for entry in plant.circuits)
    return FleetConfig(plants=master.plants, circuits=tuple(circuits[key] for key in listed))


def load_circuit(path: str | os.PathLike[str]) -> CircuitConfig:
    """One circuit's file, checked against its place in the tree (`plants/<plant_id>/<circuit_id>.yml`)."""
    file = Path(path).absolute()
    return circuit_of(DiskTree(file.parents[min(2, len(file.parents) - 1)]), "/".join(file.parts[-3:]))


def circuit_of(tree: ConfigTree, path: str) -> CircuitConfig:
    """One circuit's file of a tree, checked against its path."""
    document, circuit = _load(tree, path, CircuitConfig)
    if problems := list(_against_path(document, circuit, path)):
        raise ConfigError(problems)
    return circuit


def load_policies(path: str | os.PathLike[str]) -> Policies:
    """The release policy; ConfigError with every problem when anything is wrong."""
    file = Path(path).absolute()
    return policies_of(DiskTree(file.parent), file.name)


def load_file(path: str | os.PathLike[str], model: type[Model]) -> Model:
    """Any other file of the configuration; ConfigError with every problem when anything is wrong."""
    file = Path(path).absolute()
    return file_of(DiskTree(file.parent), file.name, model)


def file_of(tree: ConfigTree, path: str, model: type[Model]) -> Model:
    """Such a file of a tree; ConfigError with every problem when anything is wrong."""
    return _load(tree, path, model)[1]


def policies_of(tree: ConfigTree, path: str) -> Policies:
    """The release policy of a tree; ConfigError with every problem when anything is wrong."""
    document, policies = _load(tree, path, Policies)
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
    roads = (("model", kinds.model), ("environment", kinds.environment), ("online", kinds.online))
    for kind, road in roads:
        if road is None:
            continue
        for i, stage in enumerate(road.stages):
            for j, approval in enumerate(stage.gate.approvals if stage.gate else ()):
                yield ("kinds", kind, "stages", i, "gate", "approvals", j, "group"), approval.group
    for j, approval in enumerate(kinds.rollback.gate.approvals):
        yield ("kinds", "rollback", "gate", "approvals", j, "group"), approval.group
    for j, group in enumerate(policies.freeze_groups):
        yield ("freeze_groups", j), group
    if "training" in policies.model_fields_set:
        for j, group in enumerate(policies.training.groups):
            yield ("training", "groups", j), group


def _load(tree: ConfigTree, path: str, model: type[Model]) -> tuple[Document, Model]:
    shown = f"{tree.name}/{path}"
    try:
        raw = tree.read(path)
    except OSError as error:
        reason = f"cannot be read ({error.strerror})"
        fix = "create the file, or correct its name or access rights"
        raise ConfigError([ConfigProblem(file=shown, field="", value="", reason=reason, fix=fix)]) from error
    document = parse(raw, shown)
    try:
        return document, model.model_validate(document.value)
    except ValidationError as error:
        raise ConfigError(problems_of(error, model, document)) from error


def _circuit_files(tree: ConfigTree, problems: list[ConfigProblem]) -> dict[CircuitKey, str]:
    """Every circuit's file under `plants/`; a file that is somewhere else or named otherwise is a problem."""
    files: dict[CircuitKey, str] = {}
    for path in tree.under(PLANTS_DIR):
        place = path.split("/")[1:]
        if len(place) == 2 and place[1].endswith(".yml"):
            files[place[0], place[1].removesuffix(".yml")] = path
            continue
        problems.append(
            ConfigProblem(
                file=f"{tree.name}/{path}",
                field="",
                value="",
                reason="not the file of a circuit",
                fix=f"name it {tree.name}/{PLANTS_DIR}/<plant_id>/<circuit_id>.yml, or remove it",
            )
        )
    return files


def _list_against_files(
    document: Document, master: MasterList, files: dict[CircuitKey, str]
) -> Iterator[ConfigProblem]:
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
    directory = document.file.rpartition("/")[0]
    for key in sorted(files.keys() - listed):
        fix = f"add {key[0]}/{key[1]} to {document.file}, or remove this file"
        file = f"{directory}/{files[key]}"
        yield ConfigProblem(file=file, field="", value="", reason="the circuit is not listed", fix=fix)


def _against_path(document: Document, circuit: CircuitConfig, path: str) -> Iterator[ConfigProblem]:
    """Ids that differ from the path, and a sensor that belongs to another circuit."""
    *_, plant_id, file_name = ("", *path.split("/"))
    circuit_id = file_name.removesuffix(".yml")
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
