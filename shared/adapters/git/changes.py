"""What lies between two commits, for circuits and for the environment: the tree at the head is checked as a whole.

Nothing is checked out; the same models read the files as those that read them from disk.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shared.adapters.config.check import MONITORING, OTHERS, PEOPLE, POLICIES, checked
from shared.adapters.config.definition import build_problems
from shared.adapters.config.files import MASTER_LIST, PLANTS_DIR, CircuitKey, FileTree, circuit_of
from shared.adapters.config.pins import pins_of
from shared.adapters.config.strict_yaml import Document, parse
from shared.adapters.config.whole import is_read
from shared.adapters.git.authors import commits_between
from shared.adapters.git.tree import (
    FileChange,
    Files,
    changed_files,
    commit_at,
    facts_of,
    files_below,
    origins,
    subtree,
)
from shared.application.changes.ports import Found, FoundCircuit
from shared.contracts.config.files import CircuitConfig, ConfigError, FleetConfig
from shared.domain.changes.circuits import CircuitSettings, CommitFacts, ConfigProblem, TouchedCircuit, circuit_changes
from shared.domain.changes.environment import (
    DEFINITION,
    EnvironmentChange,
    EnvironmentDefinition,
    environment_change,
    environment_problems,
    moved_to,
)

if TYPE_CHECKING:
    from dulwich.objects import Commit
    from dulwich.repo import BaseRepo

CONFIG, ENVIRONMENT = "config", "environment"
SCHEMAS = "schema/"

ORIGINS_KEPT_MAX = 20
"""Commits of one merge, beside the merge itself, whose configurations are kept."""


@dataclass(frozen=True)
class _Environment:
    change: EnvironmentChange | None
    problems: tuple[ConfigProblem, ...]


def find_changes(repo: "BaseRepo", base: str, head: str) -> Found:
    """Everything `head` brings compared with `base`; an empty base is an empty tree. Raises UnknownCommit."""
    commit, before = commit_at(repo, head), commit_at(repo, base) if base else None
    facts = facts_of(repo, commit)
    old_config, config = subtree(repo, before, CONFIG), subtree(repo, commit, CONFIG)
    old_environment, environment = subtree(repo, before, ENVIRONMENT), subtree(repo, commit, ENVIRONMENT)
    files = files_below(repo, config)
    if (old_config, old_environment) == (config, environment):
        usable = not files.odd and not checked(FileTree(files.content))[1]
        return Found(head=facts, base=base, configurations={head: _kept(files)} if usable else {})
    fleet, problems = checked(FileTree(files.content))
    problems[:0] = [_odd(CONFIG, path, what) for path, what in files.odd.items()]
    changed = changed_files(repo, old_config, config)
    problems += _removed(changed, files)
    environment_files = Files({}, {})
    found = _Environment(None, ())
    if old_environment != environment:
        environment_files = files_below(repo, environment)
        changes = changed_files(repo, old_environment, environment)
        found = _environment(files_below(repo, old_environment), environment_files, changes)
    problems += found.problems
    if problems or fleet is None:
        return Found(head=facts, base=base, problems=tuple(problems))
    old_files = files_below(repo, old_config).content
    touched = list(_touched(changed, old_files, files.content, fleet))
    circuits = _circuits(repo, commit, touched)
    brought = commits_between(repo, base, head)
    return Found(
        head=facts,
        base=base,
        circuits=circuits,
        environment=_with_circuits(found.change, touched, fleet),
        environment_files=environment_files.content,
        digest=environment.decode() if environment and found.change else "",
        environment_origin=_bump(repo, commit) if found.change else None,
        configurations={**_origins_kept(repo, circuits, head), head: _kept(files)},
        notes=tuple(_notes(changed)),
        commits=brought.parents,
        makers=brought.makers,
    )


def configuration_at(repo: "BaseRepo", commit: str) -> Mapping[str, bytes]:
    """What a commit has in `config/`, as far as the app reads it. Raises ConfigError, UnknownCommit and
    RepositoryRefused."""
    files = files_below(repo, subtree(repo, commit_at(repo, commit), CONFIG))
    if problems := [_odd(CONFIG, path, what) for path, what in files.odd.items()]:
        raise ConfigError(problems)
    return _kept(files)


def _kept(files: Files) -> Mapping[str, bytes]:
    return {path: content for path, content in files.content.items() if is_read(path)}


def _origins_kept(repo: "BaseRepo", circuits: tuple[FoundCircuit, ...], head: str) -> Mapping[str, Mapping[str, bytes]]:
    """The configurations of the commits that models will name, the head's aside. One with mistakes, which a later
    commit of the same merge mended, is none; and of very many the first are enough, since the others can be read."""
    commits = dict.fromkeys(each.origin.commit for each in circuits if each.change.trains)
    kept: dict[str, Mapping[str, bytes]] = {}
    for commit in [each for each in commits if each != head][:ORIGINS_KEPT_MAX]:
        with suppress(ConfigError):
            files = configuration_at(repo, commit)
            if not checked(FileTree(files))[1]:
                kept[commit] = files
    return kept


def settings_of(config: CircuitConfig, raw: bytes) -> CircuitSettings:
    """A circuit's file as the core has it."""
    training = config.training
    return CircuitSettings(
        plant_id=config.plant_id,
        circuit_id=config.circuit_id,
        cutoff_date=training.cutoff_date,
        environment_version=training.environment_version,
        sensor_id=training.data_filters.sensor_id,
        features=training.data_filters.feature_columns,
        hyperparameters=training.hyperparameters.model_dump(),
        deployment=config.deployment.model_dump(),
        text=raw.decode(),
    )


def _touched(
    changed: Iterable[FileChange], before: Mapping[str, bytes], after: Mapping[str, bytes], fleet: FleetConfig
) -> Iterable[TouchedCircuit]:
    """Each file of a circuit that is, or was, at one of the changed paths."""
    renamed = {change.new: change.old for change in changed if change.old and change.new and change.old != change.new}
    paths = {path for change in changed for path in (change.old, change.new)}
    for path in sorted(paths):
        key = _key(path)
        if key is None:
            continue
        yield TouchedCircuit(
            plant_id=key[0],
            circuit_id=key[1],
            before=_settings_before(before, path),
            after=settings_of(fleet.circuit(*key), after[path]) if path in after else None,
            was_there=path in before,
            renamed_from=f"{CONFIG}/{renamed[path]}" if path in renamed else "",
        )


def _key(path: str) -> CircuitKey | None:
    place = path.split("/")
    if len(place) != 3 or place[0] != PLANTS_DIR or not path.endswith(".yml") or place[2].startswith("."):
        return None
    return place[1], place[2].removesuffix(".yml")


def _settings_before(files: Mapping[str, bytes], path: str) -> CircuitSettings | None:
    """None where the old file is missing, or was wrong: a change that repairs a file must not fail for the old one."""
    if path not in files:
        return None
    try:
        return settings_of(circuit_of(FileTree(files), path), files[path])
    except ConfigError:
        return None


def _circuits(repo: "BaseRepo", head: "Commit", touched: list[TouchedCircuit]) -> tuple[FoundCircuit, ...]:
    settings = {(each.plant_id, each.circuit_id): each.after for each in touched}
    paths = {key: f"{PLANTS_DIR}/{key[0]}/{key[1]}.yml" for key in settings}
    last = origins(repo, head, CONFIG, paths.values())
    return tuple(
        FoundCircuit(
            change=change,
            origin=last[paths[change.plant_id, change.circuit_id]],
            settings=settings[change.plant_id, change.circuit_id],
        )
        for change in circuit_changes(touched)
    )


def _with_circuits(
    change: EnvironmentChange | None, touched: list[TouchedCircuit], fleet: FleetConfig
) -> EnvironmentChange | None:
    if change is None:
        return None
    before = {(each.plant_id, each.circuit_id): each.before for each in touched if each.before}
    after = (settings_of(circuit, b"") for circuit in fleet.circuits)
    moved, waiting = moved_to(change.version, before, after)
    return replace(change, moved=moved, waiting=waiting)


def _bump(repo: "BaseRepo", head: "Commit") -> CommitFacts:
    definition = DEFINITION.removeprefix(f"{ENVIRONMENT}/")
    return origins(repo, head, ENVIRONMENT, [definition])[definition]


def _removed(changed: Iterable[FileChange], files: Files) -> list[ConfigProblem]:
    """Files the app cannot start without once it had them."""
    gone = sorted({change.old for change in changed} & OTHERS.keys() - files.content.keys())
    fix = "put it back: the app reads it"
    return [
        ConfigProblem(file=f"{CONFIG}/{path}", field="", value="", reason="the file is gone", fix=fix) for path in gone
    ]


def _notes(changed: Iterable[FileChange]) -> Iterable[str]:
    paths = {path for change in changed for path in (change.old, change.new) if path}
    if MASTER_LIST in paths:
        yield f"{CONFIG}/{MASTER_LIST} changed: it is in force from now on"
    if POLICIES in paths:
        yield f"{CONFIG}/{POLICIES} changed: it is in force from now on; open releases keep the gates they opened with"
    if MONITORING in paths:
        yield f"{CONFIG}/{MONITORING} changed: it is in force from now on"
    if PEOPLE in paths:
        yield f"{CONFIG}/{PEOPLE} changed: it counts once the app is deployed with it"
    if any(path.startswith(SCHEMAS) for path in paths):
        yield f"{CONFIG}/{SCHEMAS} changed: editors use it, nothing else does"


def _environment(before: Files, after: Files, changed: list[FileChange]) -> _Environment:
    """The new version, or what keeps it from being registered."""
    files = sorted({path for change in changed for path in (change.old, change.new) if path})
    odd = tuple(_odd(ENVIRONMENT, path, what) for path, what in after.odd.items())
    try:
        definition = definition_of(after.content)
    except ConfigError as error:
        return _Environment(None, (*odd, *error.problems))
    try:
        previous = definition_of(before.content)
    except ConfigError:  # the change repairs it, or brings the first one
        previous = None
    if problems := (*odd, *environment_problems(previous, definition, files)):
        return _Environment(None, problems)
    return _Environment(environment_change(previous, definition, files), ())


def definition_of(files: Mapping[str, bytes]) -> EnvironmentDefinition:
    """The definition among the files of `environment/`. Raises ConfigError."""
    name = DEFINITION.removeprefix(f"{ENVIRONMENT}/")
    if name not in files:
        fix = "create it: every environment has a definition with name, version and tags"
        raise ConfigError([ConfigProblem(file=DEFINITION, field="", value="", reason="the file is missing", fix=fix)])
    document = parse(files[name], DEFINITION)
    value = document.value if isinstance(document.value, dict) else {}
    tags = value.get("tags")
    problems = [*_texts(document, value, ("name", "version"), ()), *build_problems(document, files)]
    if isinstance(tags, dict):
        problems += _texts(document, tags, tuple(tags), ("tags",))
    else:
        problems.append(document.problem(("tags",), "the key is missing, or no mapping", "write all required tags"))
    if problems:
        raise ConfigError(problems)
    below = {f"{ENVIRONMENT}/{path}": content for path, content in files.items()}
    return EnvironmentDefinition(
        name=value["name"], version=value["version"], tags=dict(tags or {}), pins=pins_of(below)
    )


def _texts(
    document: Document, value: Mapping[str, object], keys: tuple[str, ...], above: tuple[str, ...]
) -> Iterable[ConfigProblem]:
    for key in keys:
        if key not in value:
            yield document.problem((*above, key), "the key is missing", f"add {key} as text in quotes")
        elif not isinstance(value[key], str):
            yield document.problem((*above, key), "no text, and text is wanted", "put it in quotes")


def _odd(directory: str, path: str, what: str) -> ConfigProblem:
    return ConfigProblem(file=f"{directory}/{path}", field="", value="", reason=what, fix="put the file itself here")
