"""The running parts of a test module, and the clients and credentials to talk to them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import jwt
from azure.ai.ml import MLClient
from azure.core.credentials import AccessToken

from local import redirect
from tests.local.azureml.receiver import Receiver
from tests.support.processes import Part

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
GROUP = "mlops-rg"
REGISTRY = "mlregistry-shared"
ENGINEER = "ada@example.com"
ACCOUNT = "devstoreaccount1"


class Credential:
    """Tokens of the form that Entra ID issues, signed by nobody."""

    def __init__(self, name: str = ENGINEER) -> None:
        self._name = name

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        expires = int(time.time()) + 3600
        audience = scopes[0].removesuffix("/.default")
        claims = {"aud": audience, "exp": expires, "upn": self._name}
        return AccessToken(jwt.encode(claims, "a" * 32), expires)


@dataclass
class Cloud:
    """What a test talks to."""

    part: Part
    data: Path
    receiver: Receiver
    blob: str

    def take_clients(self) -> None:
        """From now on the Azure clients of this process come here."""
        redirect.install(azureml=self.part.url, blob=self.blob)

    def workspace(self, name: str = "dev-ml-workspace", **options: Any) -> MLClient:
        return MLClient(Credential(), SUBSCRIPTION, GROUP, name, show_progress=False, **options)

    def registry(self) -> MLClient:
        return MLClient(Credential(), registry_name=REGISTRY, show_progress=False)

    def control(self, method: str, path: str, **options: Any) -> httpx.Response:
        answer = httpx.request(method, f"{self.part.url}/control/{path}", **options)
        assert answer.is_success, answer.text
        return answer

    def fault(self, operation: str, kind: str, **fields: Any) -> None:
        self.control("POST", "faults", json={"operation": operation, "kind": kind, **fields})

    def log_of(self, job: str, workspace: str = "dev-ml-workspace") -> str:
        return self.control("GET", f"jobs/{workspace}/{job}/log").text


def workspace_path() -> str:
    provider = "Microsoft.MachineLearningServices"
    return f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/{provider}/workspaces/dev-ml-workspace"


def token() -> dict[str, str]:
    return {"authorization": f"Bearer {Credential().get_token('https://management.azure.com/.default').token}"}
