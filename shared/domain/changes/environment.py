"""A change of `environment/`: does its version say what kind of change it is, and which circuits go with it?

See R-ENV-2, R-ENV-3 and R-ENV-9 to R-ENV-11. What a change really does to a model no diff can tell. What can be told
is checked: the version is raised, version and tags agree with each other and with the files, and another TensorFlow
is called breaking.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.domain.changes.circuits import CircuitSettings, ConfigProblem
from shared.domain.changes.versions import (
    ChangeClass,
    EnvironmentProblem,
    EnvironmentReview,
    SemanticVersion,
    review,
    tag_problems,
)
from shared.domain.errors import InvalidRequest

DEFINITION = "environment/custom_tf_env.yml"
REQUIREMENTS = "environment/requirements.txt"
CONDA = "environment/conda.yml"
PACKAGE = "environment/sensor_model/__init__.py"

_TENSORFLOW = "tensorflow_version"

_REGISTRATION = {
    "git_commit_sha": "0000000",
    "registered_at": "2025-12-09T10:30:00Z",
    "registered_by": "nobody-yet",
    "pr_number": "PR-1",
}
"""Stands in for what only a registration knows, while the definition is looked at."""


@dataclass(frozen=True, kw_only=True)
class Pin:
    """The version that a file pins. `trouble` says why it cannot be told, and what to write; then there is none."""

    file: str
    version: str
    trouble: str = ""


@dataclass(frozen=True, kw_only=True)
class EnvironmentDefinition:
    """`environment/` at one commit; `pins` are the versions its files name, by the tag that repeats them."""

    name: str
    version: str
    tags: Mapping[str, str]
    pins: Mapping[str, Pin]


@dataclass(frozen=True, kw_only=True)
class EnvironmentChange:
    """A new version. `kind` is None where there was none before; `files` are those that differ, at most 50."""

    name: str
    version: str
    previous: str
    kind: ChangeClass | None
    breaking: bool
    summary: str
    tags: Mapping[str, str]
    files: tuple[str, ...]
    moved: tuple[str, ...] = ()
    """Circuits, as P001-C001, whose file names the new version and did not before."""

    waiting: int = 0
    """How many circuits name another version."""


def environment_problems(
    before: EnvironmentDefinition | None, after: EnvironmentDefinition, files: Iterable[str]
) -> list[ConfigProblem]:
    """Everything that keeps `after` from being registered, given that `files` of `environment/` differ."""
    problems = [_told(each) for each in tag_problems(after.tags, after.version, registered=False)]
    if before:
        if after.version == before.version:
            return [*problems, _not_raised(after.version, sorted(files))]
        seen = {_key(each) for each in problems}
        problems += [each for each in map(_told, _reviewed(before, after).problems) if _key(each) not in seen]
        problems += _tensorflow_problems(before, after)
    else:
        try:
            SemanticVersion.parse(after.version)
        except InvalidRequest as error:
            problems.append(_problem("version", after.version, str(error), "write MAJOR.MINOR.PATCH, such as 1.5.1"))
    return [*problems, *_pin_problems(after)]


def environment_change(
    before: EnvironmentDefinition | None, after: EnvironmentDefinition, files: Iterable[str]
) -> EnvironmentChange:
    """The change, for a definition without problems."""
    found = _reviewed(before, after) if before else None
    return EnvironmentChange(
        name=after.name,
        version=after.version,
        previous=before.version if before else "",
        kind=found.change if found else None,
        breaking=bool(found.refusal) if found else after.tags.get("requires_retrain") == "true",
        summary=after.tags.get("change_summary", ""),
        tags=dict(after.tags),
        files=tuple(sorted(files))[:50],
    )


def moved_to(
    version: str, before: Mapping[tuple[str, str], CircuitSettings], after: Iterable[CircuitSettings]
) -> tuple[tuple[str, ...], int]:
    """Circuits whose file names `version` now and did not before, and how many name another one.

    `before` needs to hold only circuits whose files differ.
    """
    moved, waiting = [], 0
    for each in after:
        if each.environment_version != version:
            waiting += 1
            continue
        old = before.get((each.plant_id, each.circuit_id))
        if old and old.environment_version != version:
            moved.append(f"{each.plant_id}-{each.circuit_id}")
    return tuple(sorted(moved)), waiting


def _reviewed(before: EnvironmentDefinition, after: EnvironmentDefinition) -> EnvironmentReview:
    return review(version=after.version, previous=before.version, tags={**after.tags, **_REGISTRATION})


def _tensorflow_problems(before: EnvironmentDefinition, after: EnvironmentDefinition) -> list[ConfigProblem]:
    """Another TensorFlow is a breaking change (R-ENV-9), whatever the tags say."""
    tags = before.tags.get(_TENSORFLOW, ""), after.tags.get(_TENSORFLOW, "")
    pins = _installed(before), _installed(after)
    old, new = tags if tags[0] != tags[1] or not all(pins) else pins
    if old == new or _major(before.version) != _major(after.version):
        return []
    reason = f"TensorFlow changes from {old or 'nothing'} to {new or 'nothing'}, which is breaking, and MAJOR stays"
    fix = 'raise MAJOR, set backward_compatible to "false", requires_retrain to "true", and say what breaks'
    return [_problem("version", after.version, reason, fix)]


def _installed(definition: EnvironmentDefinition) -> str:
    """The TensorFlow that the files pin: a tag may say less, as 2 for 2.22.0. Empty where they do not tell."""
    pin = definition.pins.get(_TENSORFLOW)
    return pin.version if pin else ""


def _pin_problems(after: EnvironmentDefinition) -> list[ConfigProblem]:
    """A pin that cannot be read is a mistake as well: what changes with it would be unknown."""
    problems = []
    for tag, pin in after.pins.items():
        if pin.trouble:
            problems.append(ConfigProblem(file=pin.file, field="", value="", reason=pin.trouble, fix="pin it exactly"))
        elif not _agrees(after.tags.get(tag, ""), pin.version):
            reason = f"{pin.file} says {pin.version}"
            problems.append(_problem(f"tags.{tag}", after.tags.get(tag, ""), reason, "write the same version in both"))
    return problems


def _agrees(tag: str, pinned: str) -> bool:
    """A tag may say less than a pin (3.11 for 3.11.9), not something else."""
    return tag == pinned or pinned.startswith(f"{tag}.") or tag.startswith(f"{pinned}.")


def _major(version: str) -> str:
    return version.partition(".")[0]


def _not_raised(version: str, files: list[str]) -> ConfigProblem:
    named = ", ".join(files[:5]) + (f" and {len(files) - 5} more" if len(files) > 5 else "")
    return _problem(
        "version",
        version,
        f"environment/ changed ({named}) and the version stayed",
        "raise it: MAJOR for what needs new models, MINOR for features, PATCH for fixes; also source_code_version and "
        "__version__ of the package",
    )


def _told(problem: EnvironmentProblem) -> ConfigProblem:
    where = problem.field if problem.field.startswith("version") else f"tags.{problem.field}"
    return _problem(where, problem.value, f"must be {problem.must}", problem.fix)


def _problem(field: str, value: str, reason: str, fix: str) -> ConfigProblem:
    return ConfigProblem(file=DEFINITION, field=field, value=value, reason=reason, fix=fix)


def _key(problem: ConfigProblem) -> tuple[str, str]:
    return problem.field, problem.reason
