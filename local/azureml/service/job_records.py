"""Jobs as documents: what was asked for, in which state it is, and the events about it.

Running them is the business of `../jobs/runner.py`. Status values: docs/azure-facts.md#answers. A job of the same name
can only be updated in a few fields, so a deterministic name makes submitting idempotent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import isodate

from local.azureml.service.config import PROVIDER, Scope
from local.azureml.service.documents import system_data, touched
from local.azureml.service.errors import invalid, not_found
from local.azureml.service.events import Outbox
from local.azureml.service.run_tokens import RunTokens
from local.azureml.service.store import Document, Store

TERMINAL = ("Completed", "Failed", "Canceled")
CANCEL_REQUESTED = "CancelRequested"
QUEUED = "Queued"
PARENT = "azureml.pipelinerunid"
"""The property of a job that is a step: its pipeline. The service shows such a job in the run history only."""

SCORES = "score"
"""The output of a batch job: the folder with its predictions."""

LONGEST_RUN_S = 3600.0  # a job that hangs must not hold a node for ever
_NAME = re.compile(r"^[a-zA-Z0-9_][a-zA-Z0-9_-]{0,254}$")  # each names a folder


class Jobs:
    """Creates jobs and moves them through their states."""

    def __init__(self, store: Store, outbox: Outbox, data: Path) -> None:
        self._store = store
        self._outbox = outbox
        self._data = data
        self.on_queued: Callable[[], None] = lambda: None
        self.on_change: Callable[[], None] = lambda: None
        self.runs = RunTokens()

    def folder(self, workspace: Scope, name: str) -> Path:
        """Logs, inputs and outputs of a job on this machine."""
        return self._data / "jobs" / workspace.name / name

    def log(self, workspace: Scope, name: str) -> str | None:
        """What the job's process wrote: standard output, then standard error. None before there was one."""
        files = sorted((self.folder(workspace, name) / "logs").glob("*.txt"), reverse=True)
        return "".join(path.read_text("utf-8", errors="replace") for path in files) if files else None

    def create(
        self,
        workspace: Scope,
        name: str,
        properties: Document,
        *,
        spec: Document,
        compute: str,
        caller: str,
        state: str = QUEUED,
    ) -> Document:
        """Store a job that is going to run; part of the caller's transaction. Raises `ArmError` 400 for a bad name."""
        for folder in (name, *(properties.get("inputs") or {}), *(properties.get("outputs") or {})):
            if not _NAME.match(folder):
                raise invalid(f"{folder!r} cannot be the name of a job, an input or an output.")
        document = self._document(workspace, name, properties, caller)
        self._store.put(document["id"], document)
        self._store.write(
            "INSERT INTO runs (job, state, compute, spec) VALUES (?, ?, ?, ?)",
            document["id"],
            state,
            f"{workspace.name}/{compute.rpartition('/')[2]}",
            json.dumps(spec),
        )
        self.set_status(workspace, name, QUEUED if state == QUEUED else "Preparing")
        self.on_queued()
        return document

    def _document(self, workspace: Scope, name: str, properties: Document, caller: str) -> Document:
        own = {**(properties.get("properties") or {}), "local.folder": str(self.folder(workspace, name))}
        return {
            "id": job_id(workspace, name),
            "name": name,
            "type": f"{PROVIDER}/workspaces/jobs",
            "properties": {
                "description": None,
                "displayName": name,
                "experimentName": "Default",
                "isArchived": False,
                **{key: value for key, value in properties.items() if value is not None},
                "tags": properties.get("tags") or {},
                "properties": own,
                "services": _services(workspace, name),
                "status": "NotStarted",
            },
            "systemData": system_data(caller, None),
        }

    def get(self, workspace: Scope, name: str) -> Document:
        """Raises `ArmError` 404."""
        document = self._store.get(job_id(workspace, name))
        if document is None:
            raise not_found(f"Job {name} in workspace {workspace.name}")
        return document

    def set_status(self, workspace: Scope, name: str, status: str, *, error: str | None = None) -> None:
        """Move a job on and announce it; part of the caller's transaction.

        A job that has ended keeps its status, and one that was asked to end can only end.
        """
        document = self.get(workspace, name)
        properties = document["properties"]
        if properties["status"] in TERMINAL:
            return
        if properties["status"] == CANCEL_REQUESTED and status not in TERMINAL:
            return  # its turn came before the cancellation was done
        properties["status"] = status
        if error:
            properties["properties"]["local.error"] = error
        self._store.put(document["id"], touched(document))
        self._outbox.run_status_changed(workspace, document)
        if status == "Completed":
            self._outbox.run_completed(workspace, document)
        self.on_change()


def limit_s(spec: Mapping[str, Any]) -> float:
    """After how many seconds a job is canceled: `limits.timeout` of a command. Raises `ArmError` 400 for nonsense."""
    wanted = ((spec.get("request") or {}).get("limits") or {}).get("timeout")
    if wanted is None:
        return LONGEST_RUN_S
    try:
        seconds = isodate.parse_duration(wanted).total_seconds()
    except (isodate.ISO8601Error, TypeError) as problem:
        raise invalid(f"limits.timeout must be an ISO 8601 duration, not {wanted!r}.") from problem
    return min(float(seconds), LONGEST_RUN_S)


def job_id(workspace: Scope, name: str) -> str:
    return f"{workspace.arm_id}/jobs/{name}"


def output_uri(workspace: Scope, name: str, output: str) -> str:
    """Where an output of a job can be read once it is completed."""
    return (
        f"azureml://subscriptions/{workspace.subscription}/resourcegroups/{workspace.resource_group}"
        f"/workspaces/{workspace.name}/datastores/workspaceblobstore/paths/azureml/{name}/{output}/"
    )


def is_step(job: Document) -> bool:
    return PARENT in job["properties"]["properties"]


def _services(workspace: Scope, name: str) -> Document:
    studio = f"https://ml.azure.com/runs/{name}?wsid={workspace.arm_id}"
    return {
        "Tracking": {
            "jobServiceType": "Tracking",
            "endpoint": f"azureml://{workspace.region}.api.azureml.ms",
            "port": None,
            "status": None,
        },
        "Studio": {"jobServiceType": "Studio", "endpoint": studio, "port": None, "status": None},
    }
