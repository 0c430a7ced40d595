"""Local clouds whose parts are killed: what a killed process held comes back in seconds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from local import redirect
from local.demos.desk import Desk
from local.seeding.model_factory import Circuit, ModelFactory
from local.supervisor.cloud import LocalCloud
from local.supervisor.parts import REPOSITORY
from local.supervisor.settings import write_policies

LOCK = "PT5S"
ATTEMPTS = {"attempts_max": 10}
"""A part that was killed is gone for several of them while it starts on a busy machine."""
SHORT_WAITS = {"look_interval_s": 2, "settle_quiet_s": 2}
QUICK = {"look_interval_s": 1, "settle_quiet_s": 1}
CIRCUIT = Circuit("P001", "C001")


def killable_cloud(directory: Path) -> LocalCloud:
    """Not started yet. Its clients are those of this process, so that there is one at a time."""
    queues = json.loads((REPOSITORY / "local" / "servicebus" / "queues.json").read_text())
    for queue in queues["queues"]:
        queue["lockDuration"] = LOCK
    config = directory / "queues.json"
    config.write_text(json.dumps(queues))
    return _cloud(directory, _patient, {"servicebus": ["--config", str(config)]})


def quick_cloud(directory: Path) -> LocalCloud:
    """Not started yet. What is waited for there is looked at again at once, and nothing is killed."""
    return _cloud(directory, _quick, {})


def _cloud(directory: Path, changed: Callable[[Any], Any], part_options: dict[str, list[str]]) -> LocalCloud:
    policies = directory / "policies.yml"
    settings = {"POLICIES_FILE": str(policies)}
    cloud = LocalCloud(directory / "data", part_options=part_options, extra_settings=settings)
    write_policies(cloud.layout)
    policies.write_text(yaml.safe_dump(changed(yaml.safe_load(cloud.layout.policies_file.read_text()))))
    return cloud


def _quick(policies: dict[str, Any]) -> dict[str, Any]:
    """Short waits for everything, and environment releases without evidence."""
    for kind in ("model", "environment"):
        policies["kinds"][kind]["limits"].update(QUICK)
    policies["kinds"]["environment"]["evidence_required"] = False
    policies["kinds"]["rollback"]["samples_max"] = 1
    return policies


def _patient(policies: dict[str, Any]) -> dict[str, Any]:
    """More tries; and environment releases without evidence, which has no part in what is tested."""
    model, environment = policies["kinds"]["model"], policies["kinds"]["environment"]
    model["limits"].update(ATTEMPTS)
    environment["limits"].update({**ATTEMPTS, **SHORT_WAITS})
    environment["evidence_required"] = False
    return policies


@pytest.fixture(scope="package")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """For releases of models, with the one circuit's model trained once."""
    with killable_cloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running
    redirect.uninstall()


@pytest.fixture(scope="package")
def factory(cloud: LocalCloud) -> ModelFactory:
    """With data and the environment in the dev workspace."""
    made = ModelFactory(cloud)
    made.write_data()
    made.register_environment()
    return made


@pytest.fixture(scope="package")
def model_folder(factory: ModelFactory) -> Path:
    return factory.train(CIRCUIT)


@pytest.fixture
def desk(cloud: LocalCloud) -> Desk:
    return Desk(cloud)
