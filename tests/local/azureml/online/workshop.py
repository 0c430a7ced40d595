"""An online endpoint with deployments, by the real client, and ways to ask it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from azure.ai.ml.entities import (
    CodeConfiguration,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    OnlineRequestSettings,
)

from tests.local.azureml.cloud import Cloud
from tests.local.azureml.workshop import Workshop, folder

SCORE = """
import json, os, pathlib, time
from sensor_model import VERSION

def init():
    global weight
    if start := os.environ.get("START"):
        pathlib.Path(start + "-waited-for").touch()
        while not pathlib.Path(start).exists():
            time.sleep(0.01)
    weight = (pathlib.Path(os.environ["AZUREML_MODEL_DIR"]) / "model" / "weights.txt").read_text()
    print("the model is loaded", flush=True)

def run(data):
    request = json.loads(data)
    if request.get("mark"):
        with open(request["mark"], "a") as mark:
            mark.write(os.environ["SLOT"] + "\\n")
    if request.get("wait"):
        while not pathlib.Path(request["wait"]).exists():
            time.sleep(0.01)
    if request.get("fail"):
        raise ValueError(request["fail"])
    if request.get("crash"):
        os._exit(3)
    return {"slot": os.environ["SLOT"], "weight": weight, "version": VERSION, "pid": os.getpid()}
"""


@dataclass
class OnlineWorkshop:
    """One endpoint of a workshop's workspace."""

    workshop: Workshop
    name: str
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30))

    @property
    def cloud(self) -> Cloud:
        return self.workshop.cloud

    @property
    def endpoints(self) -> Any:
        return self.workshop.client.online_endpoints

    @property
    def deployments(self) -> Any:
        return self.workshop.client.online_deployments

    def create(self, auth_mode: str = "key", **fields: Any) -> ManagedOnlineEndpoint:
        wanted = ManagedOnlineEndpoint(name=self.name, auth_mode=auth_mode, **fields)
        return self.endpoints.begin_create_or_update(wanted).result()

    def deployment(self, name: str, *, score: str = SCORE, **fields: Any) -> ManagedOnlineDeployment:
        code = folder(self.workshop.root / f"online-{abs(hash(score))}", {"score.py": score})
        chosen = {
            "model": "azureml:sensor-model:1",
            "environment": "azureml:custom-tf-env:1.5.0",
            "instance_type": "Standard_DS3_v2",
            "instance_count": 1,
            "environment_variables": {"SLOT": name},
            **fields,
        }
        return ManagedOnlineDeployment(
            name=name,
            endpoint_name=self.name,
            code_configuration=CodeConfiguration(code=str(code), scoring_script="score.py"),
            **chosen,
        )

    def deploy(self, name: str, **fields: Any) -> ManagedOnlineDeployment:
        return self.deployments.begin_create_or_update(self.deployment(name, **fields)).result()

    def route(self, traffic: dict[str, int], mirror: dict[str, int] | None = None) -> ManagedOnlineEndpoint:
        """Distribute the traffic, the way the client's user does: get, change, put."""
        endpoint = self.endpoints.get(self.name)
        endpoint.traffic, endpoint.mirror_traffic = traffic, mirror or {}
        return self.endpoints.begin_create_or_update(endpoint).result()

    def invoke(self, request: dict[str, Any], deployment: str | None = None) -> dict[str, Any]:
        """What the scoring script returned, by the client."""
        file = self.workshop.root / "request.json"
        file.write_text(json.dumps(request))
        answer = self.endpoints.invoke(self.name, request_file=str(file), deployment_name=deployment)
        return dict(json.loads(answer))

    def post(self, request: dict[str, Any], key: str | None = None, **headers: str) -> httpx.Response:
        """Post to the scoring URI, as an application does that has the URI and a key."""
        key = key or self.endpoints.get_keys(self.name).primary_key
        path = f"/workspaces/dev-ml-workspace/onlineEndpoints/{self.name}/score"
        headers["authorization"] = f"Bearer {key}"
        return self.http.post(self.cloud.part.url + path, json=request, headers=headers)


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def slow(seconds: float) -> OnlineRequestSettings:
    """One request at a time, and how long it may take."""
    return OnlineRequestSettings(max_concurrent_requests_per_instance=1, request_timeout_ms=round(seconds * 1000))
