"""Taxi fares on a running local cloud: rides in the lake, models in the dev workspace, and who serves them."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import yaml

from local.identity.people import user_name
from local.seeding.model_factory import SHA_DIGITS, ModelFactory
from local.supervisor.cloud import CloudError, LocalCloud
from local.supervisor.parts import REPOSITORY

CODE = REPOSITORY / "pipelines" / "taxi_fare"
MODEL = "taxi-fare"
RIDES, RIDES_HELD = 2000, 500
SHARE_S, SAMPLES = 2, 8
"""How long each share of the traffic is kept, and how many requests a test sends: minutes and dozens in Azure."""


def write_config(folder: Path) -> None:
    """The sample configuration with shorter waits; the data directory's own counts for a local cloud."""
    shutil.copytree(REPOSITORY / "config", folder, dirs_exist_ok=True)
    file = folder / "online" / f"{MODEL}.yml"
    config = yaml.safe_load(file.read_text())
    config["traffic"]["share_s"], config["tests"]["samples_max"] = SHARE_S, SAMPLES
    file.write_text(yaml.safe_dump(config, sort_keys=False))


class TaxiFactory:
    """Trains and registers as the trainer, reads endpoints with the real client."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud
        self._factory = ModelFactory(cloud)
        self._rides = cloud.data / "taxi" / "train.csv"

    def write_rides(self) -> None:
        """Some to train on, others to compare on, which lie in the lake."""
        _train("--rides", str(self._rides), "--make", str(RIDES), "--seed", "1")
        held = self._cloud.layout.lake / "taxi_fare" / "rides.csv"
        _train("--rides", str(held), "--make", str(RIDES_HELD), "--seed", "2")

    def register_environment(self) -> str:
        """`name:version` of what the models run in."""
        from azure.ai.ml import load_environment

        wanted = load_environment(CODE / "taxi_fare_env.yml")
        self._factory.workspace().environments.create_or_update(wanted)
        return f"{wanted.name}:{wanted.version}"

    def register(self, features: Sequence[str], pull_request: str) -> str:
        """Train on these features and register the next version; returns it."""
        from azure.ai.ml.entities import Model

        folder = self._cloud.data / "taxi" / "-".join(features)
        _train("--rides", str(self._rides), "--features", *features, "--output", str(folder))
        tags = {
            "git_branch": "integration",
            "git_commit_sha": hashlib.sha256(pull_request.encode()).hexdigest()[:SHA_DIGITS],
            "pr_number": pull_request,
            "pr_author": user_name("trainer"),
        }
        made = self._factory.workspace().models.create_or_update(Model(name=MODEL, path=str(folder), tags=tags))
        return str(made.version)

    def serving(self, endpoint: str = MODEL, setting: str = "PRODUCTION_WORKSPACE") -> dict[str, tuple[int, str]]:
        """Share and model of each slot of an endpoint."""
        client = self._factory.workspace(setting)
        traffic = client.online_endpoints.get(endpoint).traffic
        return {
            str(each.name): (int(traffic.get(each.name, 0)), str(each.model).rpartition("/")[2])
            for each in client.online_deployments.list(endpoint)
        }

    def tags(self, version: str) -> dict[str, str]:
        """What the registry says of a version."""
        from azure.ai.ml import MLClient

        from local.seeding.credentials import PersonCredential
        from local.supervisor.settings import REGISTRY, RESOURCE_GROUP, SUBSCRIPTION

        credential = PersonCredential(self._cloud.urls["identity"], "trainer")
        registry = MLClient(credential, SUBSCRIPTION, RESOURCE_GROUP, registry_name=REGISTRY)
        return dict(registry.models.get(MODEL, version).tags)

    def slow_production(self, delay_s: float) -> None:
        """From now on every answer of production takes so much longer; 0 ends that."""
        url = f"{self._cloud.urls['azureml']}/control/faults"
        fault: dict[str, Any] = {"operation": "online.score", "kind": "delay", "delay_s": delay_s, "count": None}
        answer = httpx.post(url, json={**fault, "path": "prod-ml-workspace"}) if delay_s else httpx.delete(url)
        answer.raise_for_status()


def _train(*arguments: str) -> None:
    command = [sys.executable, str(CODE / "train.py"), *arguments]
    done = subprocess.run(  # nosec B603 # this interpreter and a file of this repository, without a shell
        command, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CloudError(f"Training taxi fares failed: {done.stderr[-2000:]}")
