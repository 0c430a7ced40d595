"""What a change of the configuration means for circuits: who is trained, who is only told about.

See R-FLEET-6 and R-CHANGE-1 to R-CHANGE-4. A circuit is the place of its file, so a renamed file is one circuit that
ends and another that begins.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

VALUE_CHARS_MAX = 120

_PULL_REQUESTS = (
    re.compile(r"^Merged PR ([1-9][0-9]{0,9})\b"),  # Azure DevOps, every kind of merge but a fast-forward
    re.compile(r"^Merge pull request #?([1-9][0-9]{0,9})\b"),  # GitHub, a merge commit
    re.compile(r"\(#([1-9][0-9]{0,9})\)$"),  # GitHub, squashed
)


@dataclass(frozen=True, kw_only=True)
class CircuitSettings:
    """One circuit's file: what training depends on, and what only its deployment does."""

    plant_id: str
    circuit_id: str
    cutoff_date: date
    environment_version: str
    sensor_id: str
    features: tuple[str, ...]
    hyperparameters: Mapping[str, int | float]
    deployment: Mapping[str, str | int]
    text: str = field(repr=False, compare=False)
    """The file itself."""

    def training_fields(self) -> dict[str, str]:
        """Everything a model depends on, by its place in the file. The order of features is part of a model."""
        return {
            "training.cutoff_date": self.cutoff_date.isoformat(),
            "training.environment_version": self.environment_version,
            **{f"training.hyperparameters.{name}": str(value) for name, value in self.hyperparameters.items()},
            "training.data_filters.sensor_id": self.sensor_id,
            "training.data_filters.feature_columns": ", ".join(self.features),
        }

    def deployment_fields(self) -> dict[str, str]:
        """What the next deployment takes over without a new model."""
        return {f"deployment.{name}": str(value) for name, value in self.deployment.items()}


class CircuitChangeKind(StrEnum):
    """What happened to a circuit's file. NEW, TRAINING and UNKNOWN have a model trained."""

    NEW = "new"
    TRAINING = "training"
    UNKNOWN = "unknown"
    RELEASED = "released"  # it names the environment that production runs already: nothing to train
    DEPLOYMENT = "deployment"
    TEXT = "text"
    DELETED = "deleted"


_TRAINED = frozenset({CircuitChangeKind.NEW, CircuitChangeKind.TRAINING, CircuitChangeKind.UNKNOWN})


@dataclass(frozen=True, kw_only=True)
class FieldChange:
    """One value of a file; empty where it was or is missing. Values are cut to 120 characters."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class CircuitChange:
    """What a change means for one circuit. `renamed_from` is the file it was, if it was another."""

    plant_id: str
    circuit_id: str
    kind: CircuitChangeKind
    fields: tuple[FieldChange, ...] = ()
    renamed_from: str = ""

    @property
    def trains(self) -> bool:
        """Whether a model is trained for it."""
        return self.kind in _TRAINED


@dataclass(frozen=True, kw_only=True)
class TouchedCircuit:
    """A circuit whose file differs. `before` is None where there was no file, or, with `was_there`, no valid one."""

    plant_id: str
    circuit_id: str
    before: CircuitSettings | None
    after: CircuitSettings | None
    was_there: bool
    renamed_from: str = ""


@dataclass(frozen=True, kw_only=True)
class CommitFacts:
    """One commit of the branch as the repository has it. `pr_number` is `PR-<n>`, empty when nothing names one.

    `author` is the e-mail address of who wrote the change: for a merge, of the last commit that it brings in.
    """

    commit: str
    author: str
    title: str
    pr_number: str


@dataclass(frozen=True, kw_only=True)
class ConfigProblem:
    """One mistake: where it is, what is written there, why that is wrong and what to write instead."""

    file: str
    """File as the caller named it, for example `config/plants/P001/C001.yml`."""

    field: str
    """Field with dots and indexes: `plants[0].circuits[1].circuit_id`; empty for the whole file."""

    value: str
    """The text in the file, shortened; empty when nothing is written there."""

    reason: str
    fix: str
    line: int | None = None
    """Line in the file, counted from 1."""

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        value = f'"{self.value}"' if self.value != self.value.strip() else self.value  # so that blanks are seen
        what = " = ".join(part for part in (self.field, value) if part)
        return f"{place}: {what + ': ' if what else ''}{self.reason}. Fix: {self.fix}"


def circuit_changes(touched: Iterable[TouchedCircuit]) -> list[CircuitChange]:
    """What happens to each touched circuit, in the order of plants and circuits."""
    found = [_change_of(each) for each in touched]
    return sorted(found, key=lambda each: (each.plant_id, each.circuit_id))


def _change_of(touched: TouchedCircuit) -> CircuitChange:
    kind, fields = _classified(touched)
    return CircuitChange(
        plant_id=touched.plant_id,
        circuit_id=touched.circuit_id,
        kind=kind,
        fields=fields,
        renamed_from=touched.renamed_from,
    )


def unless_released(change: CircuitChange, running: str) -> CircuitChange:
    """The change, as one that trains nothing where all that training depends on is as it was but the environment, and
    production runs its new version already: a release brought the fleet there without new models."""
    if not names_another_environment(change) or _training(change)[0].after != running:
        return change
    return replace(change, kind=CircuitChangeKind.RELEASED)


def names_another_environment(change: CircuitChange) -> bool:
    """Whether that is all that would have it trained."""
    fields = [each.field for each in _training(change)]
    return change.kind is CircuitChangeKind.TRAINING and fields == ["training.environment_version"]


def _training(change: CircuitChange) -> list[FieldChange]:
    return [each for each in change.fields if each.field.startswith("training.")]


def _classified(touched: TouchedCircuit) -> tuple[CircuitChangeKind, tuple[FieldChange, ...]]:
    before, after = touched.before, touched.after
    if after is None:
        return CircuitChangeKind.DELETED, ()
    if not touched.was_there:
        return CircuitChangeKind.NEW, ()
    if before is None:  # it could not be read before, so nobody knows what its model was trained on
        return CircuitChangeKind.UNKNOWN, ()
    training = _differences(before.training_fields(), after.training_fields())
    deployment = _differences(before.deployment_fields(), after.deployment_fields())
    if training:
        return CircuitChangeKind.TRAINING, (*training, *deployment)
    return (CircuitChangeKind.DEPLOYMENT, deployment) if deployment else (CircuitChangeKind.TEXT, ())


def _differences(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[FieldChange, ...]:
    names = [*before, *(name for name in after if name not in before)]
    return tuple(
        FieldChange(field=name, before=_short(before.get(name, "")), after=_short(after.get(name, "")))
        for name in names
        if before.get(name) != after.get(name)
    )


def _short(value: str) -> str:
    return value if len(value) <= VALUE_CHARS_MAX else value[: VALUE_CHARS_MAX - 1] + "…"


def pull_request_of(title: str) -> str:
    """`PR-<n>` where the first line of a commit's message names its pull request, as GitHub and Azure DevOps write it.

    Empty otherwise; numbers of work items or issues elsewhere in a message are none.
    """
    found = next((match for pattern in _PULL_REQUESTS if (match := pattern.search(title.strip()))), None)
    return f"PR-{found.group(1)}" if found else ""


def days_not_over(trained: Iterable[CircuitSettings], today: date) -> Iterator[ConfigProblem]:
    """Cutoff dates that are not before `today`, which is a day in UTC."""
    for settings in trained:
        if settings.cutoff_date >= today:
            reason, fix = "the day is not over: training data are whole days of the past", f"write a day before {today}"
            yield training_problem(settings, "cutoff_date", settings.cutoff_date.isoformat(), reason, fix)


def training_problem(settings: CircuitSettings, field: str, value: str, reason: str, fix: str) -> ConfigProblem:
    """A mistake in a field of section `training` of a circuit's file."""
    file = f"config/plants/{settings.plant_id}/{settings.circuit_id}.yml"
    return ConfigProblem(file=file, field=f"training.{field}", value=value, reason=reason, fix=fix)
