"""The other official client of Azure ML, and a judge of what it understood of an answer.

`azure-mgmt-machinelearningservices` is generated from Microsoft's own description of the service (version 2023-04-01).
It is lenient: what an answer lacks is None. So every model is looked through for what the description requires.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from azure.mgmt.machinelearningservices import MachineLearningServicesMgmtClient
from azure.mgmt.machinelearningservices._serialization import Model
from azure.mgmt.machinelearningservices.aio import MachineLearningServicesMgmtClient as AsyncClient

from tests.local.azureml.cloud import GROUP, SUBSCRIPTION, Credential

WHERE = {"resource_group_name": GROUP, "workspace_name": "dev-ml-workspace"}
_IDENTITY = {"id", "name", "type", "system_data"}
"""Only the service can set these, and it always does. Not everything below a resource has them."""

_NEVER_TOLD = {"secrets"}
"""Required of whoever sends them, and never in an answer but that of `listSecrets`."""

_OF_LATER_VERSIONS = {"kind"}
"""Of workspaces since 2023-06."""


class AsyncCredential(Credential):
    """The same tokens for the asynchronous client."""

    async def get_token(self, *scopes: str, **_: Any) -> Any:  # type: ignore[override]
        return super().get_token(*scopes)

    async def close(self) -> None:
        return None


def client() -> MachineLearningServicesMgmtClient:
    return MachineLearningServicesMgmtClient(Credential(), SUBSCRIPTION, polling_interval=0.05)


def async_client() -> AsyncClient:
    return AsyncClient(AsyncCredential(), SUBSCRIPTION, polling_interval=0.05)


def missing(answer: Any, *, resource: bool = True) -> list[str]:
    """What the description requires and the answer lacks, by path, and what the answer has that it does not know."""
    return list(_missing(answer, type(answer).__name__, resource=resource))


def _missing(answer: Any, path: str, *, resource: bool) -> Iterator[str]:
    if isinstance(answer, Model):
        if unknown := set(answer.additional_properties or ()) - _OF_LATER_VERSIONS:
            yield f"{path}: unknown {sorted(unknown)}"
        for name, rules in answer._validation.items():
            required = rules.get("required") or (resource and name in _IDENTITY)
            if required and name not in _NEVER_TOLD and getattr(answer, name, None) is None:
                yield f"{path}.{name}"
        for name in answer._attribute_map:
            yield from _missing(getattr(answer, name, None), f"{path}.{name}", resource=False)
    elif isinstance(answer, dict):
        for name, each in answer.items():
            yield from _missing(each, f"{path}[{name}]", resource=False)
    elif isinstance(answer, list):
        for number, each in enumerate(answer):
            yield from _missing(each, f"{path}[{number}]", resource=False)
