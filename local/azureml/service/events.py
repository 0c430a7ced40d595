"""Events of the workspaces, in the Event Grid schema, delivered at least once.

Types, subjects and payloads: docs/azure-facts.md#events-of-azure-ml. Keys are camelCase by default; the other
documented spelling is PascalCase with an integer `ModelVersion`. An event is written in the same transaction as the
change it reports.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from typing import Any

import httpx

from local.azureml.service.config import Scope
from local.azureml.service.documents import utc_now
from local.azureml.service.faults import Faults
from local.azureml.service.store import Document, Store

_log = logging.getLogger("local.azureml.service.events")
_BATCH = 50
_FIRST_RETRY_S, _LAST_RETRY_S = 0.2, 10.0
_REQUEST_TIMEOUT_S = 10.0
_PREFIX = "Microsoft.MachineLearningServices."


class Outbox:
    """Events that happened and are not delivered yet."""

    def __init__(self, store: Store, faults: Faults, eventgrid: str | None) -> None:
        self._store = store
        self._faults = faults
        self._eventgrid = eventgrid.rstrip("/") if eventgrid else None
        self._wake = asyncio.Event()

    def model_registered(self, workspace: Scope, name: str, version: str, properties: Document) -> None:
        data = {
            "modelName": name,
            "modelVersion": version,
            "modelTags": properties.get("tags") or {},
            "modelProperties": properties.get("properties") or {},
        }
        self._add(workspace, "ModelRegistered", f"models/{name}:{version}", data)

    def model_deployed(self, workspace: Scope, endpoint: str, deployment: Document) -> None:
        """An online deployment came up. A failed or canceled one raises no event."""
        model = deployment["properties"]["model"].split("/")
        data = {
            "serviceName": endpoint,
            "serviceComputeType": deployment["properties"]["endpointComputeType"],
            "serviceTags": deployment["tags"],
            "serviceProperties": deployment["properties"]["properties"],
            "modelIds": f"{model[-3]}:{model[-1]}",
        }
        self._add(workspace, "ModelDeployed", f"endpoints/{endpoint}", data)

    def run_status_changed(self, workspace: Scope, job: Document) -> None:
        data = {"runStatus": job["properties"]["status"], **_run(workspace, job)}
        self._add(workspace, "RunStatusChanged", _run_subject(data), data)

    def run_completed(self, workspace: Scope, job: Document) -> None:
        data = _run(workspace, job)
        self._add(workspace, "RunCompleted", _run_subject(data), data)

    def _add(self, workspace: Scope, event_type: str, subject: str, data: dict[str, Any]) -> None:
        """Write an event; part of the caller's transaction. Without an Event Grid part none is written."""
        if self._eventgrid is None:
            return
        event = {
            "topic": workspace.arm_id,
            "subject": subject,
            "eventType": _PREFIX + event_type,
            "eventTime": utc_now(),
            "id": str(uuid.uuid4()),
            "data": _pascal(data) if self._faults.profile.event_keys == "PascalCase" else data,
            "dataVersion": "2",
            "metadataVersion": "1",
        }
        self._store.write("INSERT INTO outbox (workspace, event) VALUES (?, ?)", workspace.name, json.dumps(event))
        self._wake.set()

    async def run(self) -> None:
        """Deliver in order per workspace, and try again until the receiver answers 2xx, until cancelled."""
        if self._eventgrid is None:
            return
        pause = _FIRST_RETRY_S
        async with httpx.AsyncClient(timeout=_REQUEST_TIMEOUT_S, trust_env=False) as client:
            while True:
                self._wake.clear()
                if await self._deliver(client):
                    pause = _FIRST_RETRY_S
                    await self._wake.wait()
                else:
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, _LAST_RETRY_S)

    async def _deliver(self, client: httpx.AsyncClient) -> bool:
        """Send everything that waits; False if some of it must be sent again."""
        workspaces = [str(row["workspace"]) for row in self._store.rows("SELECT DISTINCT workspace FROM outbox")]
        return all([await self._deliver_of(client, workspace) for workspace in workspaces])

    async def _deliver_of(self, client: httpx.AsyncClient, workspace: str) -> bool:
        select = "SELECT * FROM outbox WHERE workspace = ? ORDER BY seq LIMIT ?"
        while batch := self._store.rows(select, workspace, _BATCH):
            if not await self._post(client, workspace, [json.loads(row["event"]) for row in batch]):
                return False
            with self._store.transaction():
                self._store.write("DELETE FROM outbox WHERE workspace = ? AND seq <= ?", workspace, batch[-1]["seq"])
        return True

    async def _post(self, client: httpx.AsyncClient, workspace: str, events: list[Document]) -> bool:
        url = f"{self._eventgrid}/system/{workspace}/api/events"
        try:
            answer = await client.post(url, json=events)
        except httpx.HTTPError as problem:
            _log.warning(
                "Event Grid did not take %d events of %s, which are kept: %s: %s", len(events), workspace, url, problem
            )
            return False
        if not answer.is_success:
            _log.warning(
                "Event Grid did not take %d events of %s, which are kept: %s answered %d",
                len(events),
                workspace,
                url,
                answer.status_code,
            )
        return answer.is_success


def _run(workspace: Scope, job: Document) -> dict[str, Any]:
    properties = job["properties"]
    experiment = properties.get("experimentName") or "Default"
    return {
        "experimentId": str(uuid.uuid5(uuid.UUID(workspace.guid), experiment)),
        "experimentName": experiment,
        "runId": job["name"],
        "runType": "azureml.PipelineRun" if properties["jobType"] == "Pipeline" else "azureml.scriptrun",
        "runTags": properties.get("tags") or {},
        "runProperties": properties.get("properties") or {},
    }


def _run_subject(data: dict[str, Any]) -> str:
    return f"experiments/{data['experimentId']}/runs/{data['runId']}"


def _pascal(data: dict[str, Any]) -> dict[str, Any]:
    spelled = {name[0].upper() + name[1:]: value for name, value in data.items()}
    version = spelled.get("ModelVersion")
    if isinstance(version, str) and version.isdigit():
        spelled["ModelVersion"] = int(version)
    return spelled
