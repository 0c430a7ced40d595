"""Sees pipelines through: starts a step's job when the steps it needs are completed, and ends with the last one.

What is to be done next follows from the state of the jobs alone, so a killed server goes on where it was. After a step
that failed no further one is started, unless the pipeline says `continue_on_step_failure`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from local.azureml.assets.references import resolve
from local.azureml.pipelines.graph import Step, bound, steps_of, without_unused_options
from local.azureml.service.arm_ids import BlobPath, asset_id, job_output
from local.azureml.service.call import Service
from local.azureml.service.config import Scope
from local.azureml.service.errors import ArmError, not_emulated
from local.azureml.service.job_records import CANCEL_REQUESTED, PARENT, TERMINAL, job_id, output_uri
from local.azureml.service.store import Document

PIPELINE = "Pipeline"
"""The state of a pipeline's row among the runs: it has no process and waits for no node."""

_log = logging.getLogger("local.azureml.pipelines")


def child_name(workspace: Scope, pipeline: str, step: str) -> str:
    """The name of a step's job, which is the same however often it is asked for."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{job_id(workspace, pipeline)}/{step}".lower()))


def check_components(service: Service, workspace: Scope, steps: Mapping[str, Step]) -> None:
    """Raises `ArmError` for a component, or an environment or code of one, that is missing or does not run here."""
    for step in steps.values():
        spec = _component(service, workspace, step)
        if spec.get("type") != "command":
            raise not_emulated(f"A component of type {spec.get('type')!r}, step {step.name},")
        resolve(service, workspace, str(spec.get("environment")), "environments")
        if spec.get("code"):
            resolve(service, workspace, str(spec["code"]), "codes")


class Pipelines:
    """Works on the pipelines that are not over. `stop` ends a job of a step."""

    def __init__(self, service: Service, stop: Callable[[str], Awaitable[None]]) -> None:
        self._service = service
        self._store = service.store
        self._stop = stop
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Look at the pipelines again: one was submitted, or a job ended."""
        self._wake.set()

    async def run(self) -> None:
        """Advance the pipelines after every `wake`, until cancelled."""
        while True:
            self._wake.clear()
            for row in self._store.rows("SELECT spec FROM runs WHERE state = ? ORDER BY seq", PIPELINE):
                await self._advance(json.loads(row["spec"]))
            await self._wake.wait()

    async def stop(self, job: str) -> None:
        """End a job: a pipeline with everything that it started, or any other."""
        row = self._store.row("SELECT spec FROM runs WHERE job = ? AND state = ?", job, PIPELINE)
        if row is None:
            await self._stop(job)
            return
        spec = json.loads(row["spec"])
        workspace, name = self._named(spec)
        for child in self._children(workspace, name, steps_of(spec["request"])).values():
            if child["properties"]["status"] not in TERMINAL:
                await self._stop(child["id"])
        self._end(workspace, name, "Canceled")

    async def _advance(self, spec: Mapping[str, Any]) -> None:
        workspace, name = self._named(spec)
        pipeline, steps = self._service.jobs.get(workspace, name), steps_of(spec["request"])
        if pipeline["properties"]["status"] == CANCEL_REQUESTED:
            return
        children = self._children(workspace, name, steps)
        status = {step: child["properties"]["status"] for step, child in children.items()}
        completed = {step for step, state in status.items() if state == "Completed"}
        failed = [step for step, state in status.items() if state in TERMINAL and step not in completed]
        goes_on = (spec["request"].get("settings") or {}).get("continue_on_step_failure")
        ready = [step for step in steps.values() if step.name not in children and step.after <= completed]
        if ready and (goes_on or not failed):
            self._start(workspace, pipeline, spec["request"], ready)
        elif all(state in TERMINAL for state in status.values()):
            await self._conclude(workspace, name, steps, failed)

    def _start(self, workspace: Scope, pipeline: Document, request: Document, ready: list[Step]) -> None:
        try:
            with self._store.transaction():
                if pipeline["properties"]["status"] != "Running":
                    self._service.jobs.set_status(workspace, pipeline["name"], "Running")
                for step in ready:
                    self._create(workspace, pipeline, request, step)
        except ArmError as problem:  # what was there when the pipeline was submitted is gone
            self._end(workspace, pipeline["name"], "Failed", problem.message)

    def _create(self, workspace: Scope, pipeline: Document, request: Document, step: Step) -> None:
        service, name = self._service, pipeline["name"]
        spec, child = _component(service, workspace, step), child_name(workspace, name, step.name)

        def output_of(other: str, output: str) -> str:
            return output_uri(workspace, child_name(workspace, name, other), output)

        inputs = bound(step, spec.get("inputs") or {}, request.get("inputs") or {}, output_of)
        asked = {
            "command": without_unused_options(str(spec["command"]), inputs),
            "environmentId": asset_id(str(spec["environment"])),
            "codeId": asset_id(str(spec["code"])) if spec.get("code") else None,
            "inputs": inputs,
            "outputs": {
                output: {"jobOutputType": declared["type"], "uri": output_uri(workspace, child, output)}
                for output, declared in (spec.get("outputs") or {}).items()
            },
            "environmentVariables": {**(spec.get("environment_variables") or {}), **step.variables},
            "limits": step.limits,
        }
        service.jobs.create(
            workspace,
            child,
            {
                **asked,
                "jobType": "Command",
                "displayName": step.name,
                "experimentName": pipeline["properties"]["experimentName"],
                "computeId": step.compute,
                "properties": {PARENT: name, "azureml.rootpipelinerunid": name, "azureml.nodeid": step.name},
            },
            spec={"kind": "command", "request": asked, "workspace": workspace.name, "job": child},
            compute=step.compute or "serverless",
            caller=pipeline["systemData"]["createdBy"],
        )

    async def _conclude(self, workspace: Scope, name: str, steps: Mapping[str, Step], failed: list[str]) -> None:
        if failed:
            self._end(workspace, name, "Failed", f"These steps did not complete: {', '.join(failed)}.")
            return
        for step in steps.values():
            for output, published in step.published.items():
                await self._publish(workspace, child_name(workspace, name, step.name), output, name, published)
        self._end(workspace, name, "Completed")

    async def _publish(self, workspace: Scope, child: str, output: str, pipeline: str, published: str) -> None:
        """Copy a step's output to the place of the pipeline's output. An empty output copies nothing."""
        storage = self._service.storage
        source = storage.on_datastore(job_output(child, output), workspace)
        target = storage.on_datastore(job_output(pipeline, published), workspace)
        if isinstance(source, BlobPath) and isinstance(target, BlobPath):
            try:
                await storage.copy(source, target)
            except ArmError as problem:
                _log.info("nothing to publish of pipeline %s: %s", pipeline, problem)

    def _end(self, workspace: Scope, name: str, status: str, error: str | None = None) -> None:
        with self._store.transaction():
            self._service.jobs.set_status(workspace, name, status, error=error)
            self._store.write("UPDATE runs SET state = 'Done' WHERE job = ?", job_id(workspace, name))

    def _children(self, workspace: Scope, pipeline: str, steps: Mapping[str, Step]) -> dict[str, Document]:
        """The jobs of the steps that were started, by step."""
        found = {step: self._store.get(job_id(workspace, child_name(workspace, pipeline, step))) for step in steps}
        return {step: child for step, child in found.items() if child is not None}

    def _named(self, spec: Mapping[str, Any]) -> tuple[Scope, str]:
        return self._service.settings.workspaces[spec["workspace"]], str(spec["job"])


def _component(service: Service, workspace: Scope, step: Step) -> Document:
    document = resolve(service, workspace, step.component, "components")[2]
    spec: Document = document["properties"]["componentSpec"]
    return spec
