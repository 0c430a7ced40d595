"""Each field of each file of the configuration changes something that the app uses, and each of those is used.

A field that nothing reads lies to whoever sets it. So every value of a whole configuration is changed, one at a time,
and what the contexts get is compared; and what they get is looked for in the code that uses it.
"""

import ast
import copy
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import pytest
import yaml
from pydantic import BaseModel

from shared.adapters.config.files import MASTER_LIST, PLANTS_DIR, FileTree, file_of
from shared.adapters.config.people import people_of
from shared.adapters.config.whole import whole_of
from shared.application.etl.load import LoadPlan
from shared.application.release.ports import CircuitPlace, Fleet
from shared.application.training.ports import TrainingPlan
from shared.contracts.config.circuits import CircuitConfig, MasterList
from shared.contracts.config.files import ConfigError
from shared.contracts.config.makers import Accounts, PeopleConfig
from shared.contracts.config.monitoring import MonitoringConfig
from shared.contracts.config.notifications import NotificationsConfig
from shared.contracts.config.online import OnlineConfig
from shared.contracts.config.policies import Policies
from shared.domain.alerts.decision_model import RollbackThresholds
from shared.domain.alerts.model import AlertPolicy, AllowedRule
from shared.domain.makers import EntraPerson, People
from shared.domain.notifications.policy import (
    Address,
    Contact,
    HearingRule,
    NotificationPolicy,
    QuietHours,
    Recipient,
    Reminders,
    RollbackBudgets,
)
from shared.domain.online.model import ComparisonPlan, OnlinePlan, SidePlan, SlotLimits, TrafficPlan
from shared.domain.release.model import DeploymentPlan, Kind
from shared.domain.release.policy import ApprovalRule, GatePolicy, Limits, Policy, WatchPolicy
from shared.domain.routines.monitoring import AlertRule, Bounds, Condition, DriftBounds, MonitoringPolicy, Thresholds
from shared.domain.routines.task import TaskLimits
from shared.domain.training.limits import TrainingLimits
from shared.domain.training.model import TrainingRequest
from shared.settings import APP_ROOT
from tests.support.configuration import INSTALLATION

CONFIG = APP_ROOT / "config"
CIRCUIT = f"{PLANTS_DIR}/P001/C001.yml"
PEOPLE = "people.yml"
NOTIFICATIONS = "notifications.yml"
ONLINE = "online/taxi-fare.yml"
FILES: Mapping[str, type[BaseModel]] = {
    MASTER_LIST: MasterList,
    CIRCUIT: CircuitConfig,
    "policies.yml": Policies,
    "monitoring.yml": MonitoringConfig,
    PEOPLE: PeopleConfig,
    NOTIFICATIONS: NotificationsConfig,
    ONLINE: OnlineConfig,
}

INERT = {
    "CircuitConfig.plant_id": "the place of the file says it, and the file must agree",
    "CircuitConfig.circuit_id": "the place of the file says it, and the file must agree",
    "DataFilters.sensor_id": "the ids of plant and circuit say it, and the file must agree",
    "PlantEntry.plant_id": "the files below plants/ say it, and the list must agree",
    "CircuitEntry.circuit_id": "the files below plants/ say it, and the list must agree",
    "Policies.version": "there is one version of the format; reading any other is refused",
    "PeopleConfig.version": "there is one version of the format; reading any other is refused",
    "OnlineConfig.version": "there is one version of the format; reading any other is refused",
    "NotificationsConfig.version": "there is one version of the format; reading any other is refused",
    "MonitoringConfig.version": "there is one version of the format; reading any other is refused",
    "Policies.groups": "what other sections may name; a name that is not in it is refused",
    "DeploymentCompute.instance_type": "a circuit that names another kind, which has no cluster, is refused",
    "StageConfig.name": "the stages and their order are fixed; anything else is refused",
}
"""Fields that change nothing by themselves, each with the reason. What is refused is read."""

ALTERNATIVES: Mapping[str, tuple[Any, ...]] = {
    "group": ("Engineering-Managers", "ML-Engineers"),
    "groups": (["Engineering-Managers"],),
    "freeze_groups": (["Engineering-Managers"],),
    "environment_version": ("1.6.0",),
    "cutoff_date": ("2025-11-30",),
    "compute_instance_type": ("Standard_DS3_v2",),
    "feature_columns": (["temperature"],),
    "features": (["temperature"],),
    "critical": ("ask", "at_once"),
    "criticality": ("high",),
    "endpoint_name": ("other-{plant_id}", "other-endpoint"),
    "version": ("1.6.0",),
    "script": ("other.py",),
    "slots": (["blue", "green", "red"],),
    "slot": ("green", "blue"),
    "steps_pct": ([10, 50],),
    "variables": ({"OMP_NUM_THREADS": "1"},),
    "branches": ([],),
    "deployment_name": ("other-{circuit_id}",),
    "registry_model_name": ("other_{plant_id}_{circuit_id}",),
    "scoring_script": ("other.py",),
    "input_uri": ("azureml://datastores/other/paths/table/",),
    "raw_uri": ("azureml://datastores/other/paths/raw/",),
    "rule": ("switchyard/other",),
    "kind": ("other", "batch_failures", "webhook"),
    "severity": ("Sev4", 3, 0),
    "measure": ("percent", "excess", "mae", "rmse", "failed_jobs"),
    "above": ("critical", "warning", 0.5),
    "routine": ("drift", "performance"),
    "any_of": (),
    "unknown": ("one",),
    "required": (["metrics"],),
    "missing": ("refuse",),
    "plant_id": ("P009",),
    "circuit_id": ("C009",),
    "time_zone": ("Europe/Paris",),
    "mail": ("other@example.com",),
    "to": ("other@example.com", "other"),
    "phone": ("+49 30 1",),
    "begins": ("21:00",),
    "ends": ("05:00",),
    "digest_at": ("10:00",),
    "of": (["held"],),
    "severity_min": ("critical", "info"),
    "kinds": (["rollback"],),
    "plants": (["P002"],),
    "when": ("digest", "at_once"),
    "hears_as": (["others"],),
    "object_id": ("44444444-0000-4000-8000-000000000004",),
}
"""Other values of what has a pattern, by the name of the field; numbers and plain words are changed as they are."""


def whole() -> dict[str, Any]:
    """The repository's files, with everything that may be left out."""
    found = {path: yaml.safe_load((CONFIG / path).read_text(encoding="utf-8")) for path in FILES}
    machines = {"Standard_NC6s_v3": {"test": "gpu-cluster", "production": "gpu-cluster-2"}}
    found["policies.yml"]["deployment"]["compute"]["machines"] = machines
    found[CIRCUIT]["deployment"]["compute_instance_type"] = "Standard_NC6s_v3"
    found["monitoring.yml"]["overrides"] = [
        {
            "plant_id": "P001",
            "circuit_id": "C001",
            "performance": {name: {"warning": 0.3, "critical": 0.6} for name in ("mae", "rmse", "mape")},
            "drift": {"low": 0.1, "medium": 0.2, "high": 0.3},
        }
    ]
    found[NOTIFICATIONS] |= {
        "contacts": [
            {"role": "On-call", "does": "rolls back", "name": "Duty", "mail": "a@example.com", "phone": "112"}
        ],
        "recipients": [
            {
                "name": "duty",
                "hears_as": ["on-call"],
                "channels": [{"kind": "mail", "to": "duty@example.com"}, {"kind": "teams", "to": "ml-team"}],
                "quiet_hours": {"begins": "20:00", "ends": "07:00", "weekends": True},
                "digest_at": "08:00",
                "time_zone": "Europe/Berlin",
            }
        ],
    }
    accounts = {kind: [f"somebody of {kind}"] for kind in Accounts.model_fields}
    machines = {kind: [f"a machine of {kind}"] for kind in Accounts.model_fields}
    person = {"object_id": "33333333-0000-4000-8000-000000000003", "name": "A Person", **accounts}
    found[PEOPLE] = {**found[PEOPLE], "people": [person], "machines": machines}
    found[MASTER_LIST]["plants"][0]["criticality"] = "low"
    for kind in ("model", "environment"):
        stage = found["policies.yml"]["kinds"][kind]["stages"][1]
        stage["gate"] = {
            "approvals": [{"group": "ML-Engineers", "count": 1}], "deadline_h": 5, "instructions": "Look at it.",
        }  # fmt: skip
    return found


@cache
def others() -> dict[str, bytes]:
    """The other circuits' files."""
    return {
        path.relative_to(CONFIG).as_posix(): path.read_bytes()
        for path in (CONFIG / PLANTS_DIR).rglob("*.yml")
        if path.relative_to(CONFIG).as_posix() != CIRCUIT
    }


def what_is_used(files: Mapping[str, Any]) -> list[Any]:
    """Everything that any context gets. Raises ConfigError."""
    texts = {path: yaml.safe_dump(value, sort_keys=False).encode() for path, value in files.items()}
    people = people_of(file_of(FileTree(texts), PEOPLE, PeopleConfig))  # never of the commit that is judged by it
    del texts[PEOPLE]
    config = whole_of(FileTree({**others(), **texts}), INSTALLATION)
    releases, training = config.releases, config.training
    request = training.circuit("P001", "C001")
    assert request is not None
    return [
        *(releases.policy(kind) for kind in Kind),
        releases.fleet(),
        releases.freeze_groups(),
        releases.alerts(),
        releases.plan("P001", "C001"),
        releases.plan("P001", "C002"),
        [(name, releases.online(name)) for name in releases.online_names()],
        training.plan(),
        training.model_name("P001", "C001"),
        replace(request, config_yaml=""),  # the text of the file goes on record, whatever is in it
        config.monitoring,
        config.loads,
        config.notifications,
        people,
    ]


Place = tuple[str | int, ...]


def leaves(value: Any, annotation: Any, owner: str = "", place: Place = ()) -> Iterator[tuple[Place, str]]:
    """The place of each value that is no section, with the field of the model that it is (`Limits.attempts_max`)."""
    model = next((each for each in models_in(annotation) if isinstance(value, dict)), None)
    if model is not None and is_one_of(annotation, dict):
        for key, inner in value.items():
            yield from leaves(inner, model, owner, (*place, key))
    elif model is not None:
        for name, inner in value.items():
            yield from leaves(inner, model.model_fields[name].annotation, f"{model.__name__}.{name}", (*place, name))
    elif isinstance(value, list) and list(models_in(annotation)):
        for number, inner in enumerate(value):
            yield from leaves(inner, next(iter(models_in(annotation))), owner, (*place, number))
    else:
        yield place, owner


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Models that a value of this annotation is, or holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for each in get_args(annotation):
        yield from models_in(each)


def is_one_of(annotation: Any, kind: type) -> bool:
    """Whether it is a `kind`, or one of a union is."""
    if get_origin(annotation) in (Union, UnionType):
        return any(is_one_of(each, kind) for each in get_args(annotation))
    return get_origin(annotation) is kind


def every_field(model: type[BaseModel]) -> Iterator[str]:
    """The fields of a model that are no sections, and those of its sections."""
    for name, field in model.model_fields.items():
        inner = list(models_in(field.annotation))
        if not inner:
            yield f"{model.__name__}.{name}"
        for each in inner:
            yield from every_field(each)


def changed(value: Any, name: str) -> Iterator[Any]:
    """Other values for it, some of which may not be allowed."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int) and name not in ("severity", "above"):
        yield from (value + 1, value - 1, value // 2)
    elif isinstance(value, float):
        yield from (value * 1.01, value * 0.99)
    elif isinstance(value, str) and name not in ALTERNATIVES:
        yield f"{value}2"
    elif isinstance(value, list) and value:
        yield value[:-1]
    yield from (each for each in ALTERNATIVES.get(name, ()) if each != value)


@cache
def acting() -> frozenset[str]:
    """The fields of which some value was changed, and something that is used with it."""
    files = whole()
    before = what_is_used(files)
    found: set[str] = set()
    for path, model in FILES.items():
        for place, owner in leaves(files[path], model):
            if owner not in found and any(
                acts(files, path, place, other, before) for other in values(files, path, place)
            ):
                found.add(owner)
    return frozenset(found)


def values(files: Mapping[str, Any], path: str, place: Place) -> Iterator[Any]:
    name = next(str(part) for part in reversed(place) if isinstance(part, str))
    return changed(at(files[path], place), name)


def acts(files: Mapping[str, Any], path: str, place: Place, value: Any, before: list[Any]) -> bool:
    """Whether this other value is allowed and changes what is used."""
    other = {**files, path: copy.deepcopy(files[path])}
    at(other[path], place[:-1])[place[-1]] = value
    try:
        return what_is_used(other) != before
    except ConfigError:
        return False


def at(value: Any, place: Place) -> Any:
    for part in place:
        value = value[part]
    return value


ALL = sorted({field for model in FILES.values() for field in every_field(model)})


@pytest.mark.parametrize("field", ALL)
def test_a_field_of_the_configuration_acts_or_says_why_not(field: str) -> None:
    """Let it change what a context gets, or take it out."""
    assert (field in acting()) != (field in INERT), f"{field} changes nothing that any context is given"


def test_the_reasons_are_for_fields_that_there_are() -> None:
    assert set(ALL) >= set(INERT)


USED = (
    Policy, GatePolicy, ApprovalRule, Limits, WatchPolicy, DeploymentPlan, Fleet, AlertPolicy, AllowedRule,
    RollbackThresholds, TrainingPlan, TrainingLimits, TrainingRequest, MonitoringPolicy, AlertRule, Condition,
    Bounds, DriftBounds, Thresholds, TaskLimits, LoadPlan, People, EntraPerson, CircuitPlace,
    OnlinePlan, SidePlan, SlotLimits, TrafficPlan,
    ComparisonPlan,
    NotificationPolicy, Recipient, Address, QuietHours, HearingRule, Reminders, RollbackBudgets, Contact,
)  # fmt: skip
"""What the contexts are given is made of these."""


def kinds_in(value: Any) -> Iterator[type]:
    """The dataclasses that a value is made of."""
    if is_dataclass(value) and not isinstance(value, type):
        yield type(value)
        value = [getattr(value, each.name) for each in fields(value)]
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from kinds_in(each)


def test_all_that_contexts_are_given_is_looked_at() -> None:
    assert set(kinds_in(what_is_used(whole()))) - {*USED} == set()


@cache
def attributes_read() -> frozenset[str]:
    """The names of all attributes that the product's code reads, but for where the configuration is put together."""
    left_out = APP_ROOT / "shared" / "adapters" / "config"
    files = (file for root in ("shared", "functions") for file in (APP_ROOT / root).rglob("*.py"))
    return frozenset(name for file in files if left_out not in file.parents for name in read_in(file))


def read_in(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
            yield node.attr


@pytest.mark.parametrize("name", [f"{kind.__name__}.{each.name}" for kind in USED for each in fields(kind)])
def test_what_a_context_is_given_is_read_by_its_code(name: str) -> None:
    """By name: a field that has no namesake is found for certain."""
    assert name.partition(".")[2] in attributes_read(), f"nothing reads {name}"
