"""One local cloud for the end-to-end tests, with short locks: what a killed process held comes back in seconds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from local import redirect
from local.cloud import LocalCloud
from local.demo.people import Desk
from local.model_factory import Circuit, ModelFactory
from local.parts import REPOSITORY

LOCK = "PT5S"
CIRCUIT = Circuit("P001", "C001")


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    directory = tmp_path_factory.mktemp("cloud")
    queues = json.loads((REPOSITORY / "local" / "servicebus" / "queues.json").read_text())
    for queue in queues["queues"]:
        queue["lockDuration"] = LOCK
    config = directory / "queues.json"
    config.write_text(json.dumps(queues))
    with LocalCloud(directory / "data", part_options={"servicebus": ["--config", str(config)]}) as running:
        yield running
    redirect.uninstall()


@pytest.fixture(scope="session")
def factory(cloud: LocalCloud) -> ModelFactory:
    """With data and the environment in the dev workspace."""
    made = ModelFactory(cloud)
    made.write_data()
    made.register_environment()
    return made


@pytest.fixture(scope="session")
def model_folder(factory: ModelFactory) -> Path:
    return factory.train(CIRCUIT)


@pytest.fixture
def desk(cloud: LocalCloud) -> Desk:
    return Desk(cloud)
