"""What a job needs before its process can start: its code, environment, model and inputs, as folders and variables.

One folder per job, `DATA/jobs/<workspace>/<job>/`: `logs`, `inputs`, `work` (where it runs) and `outputs`.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local.azureml.assets.references import check_references, resolve
from local.azureml.jobs import processes
from local.azureml.jobs.warm import Warm, python_arguments, warm
from local.azureml.service.arm_ids import BlobPath, job_output
from local.azureml.service.call import Service
from local.azureml.service.config import Scope
from local.azureml.service.errors import invalid
from local.azureml.service.job_records import SCORES

_DRIVER = Path(__file__).with_name("batch_driver.py")
_PLACEHOLDER = re.compile(r"\$\{\{\s*(inputs|outputs)\.([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")


@dataclass(frozen=True, kw_only=True)
class Launch:
    """A process to start, and the folders to keep when it has succeeded, by output name."""

    command: list[str]
    cwd: Path
    variables: dict[str, str]
    logs: Path
    outputs: dict[str, Path]
    artifacts: Path | None = None  # what lands in the run history, for a command job
    warm: Warm | None = None  # how it starts quicker


@dataclass(frozen=True)
class _Folder:
    root: Path
    logs: Path = field(init=False)
    work: Path = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "logs", self.root / "logs")
        object.__setattr__(self, "work", self.root / "work")

    def output(self, name: str) -> Path:
        return self.root / "outputs" / name

    def renew(self) -> None:
        """Start afresh: an interrupted attempt leaves nothing but its log."""
        for name in ("inputs", "work", "outputs"):
            shutil.rmtree(self.root / name, ignore_errors=True)
        self.logs.mkdir(parents=True, exist_ok=True)


class Preparation:
    """Turns the specification of a job into a process to launch, and keeps what it produced."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def launch(self, workspace: Scope, name: str, spec: Mapping[str, Any]) -> Launch:
        """Raises `ArmError` if something the job refers to is missing."""
        folder = _Folder(self._service.jobs.folder(workspace, name))
        folder.renew()
        if spec["kind"] == "batch":
            return await self._batch(workspace, name, folder, spec)
        return await self._command(workspace, name, folder, spec["request"])

    async def publish(self, workspace: Scope, name: str, launch: Launch) -> None:
        """Upload the outputs to where the job's document says they are."""
        storage = self._service.storage
        folders = dict(launch.outputs)
        if launch.artifacts:
            folders["artifacts"] = launch.artifacts
        for output, folder in folders.items():
            target = storage.on_datastore(job_output(name, output), workspace)
            if isinstance(target, BlobPath) and folder.exists():
                below = "/outputs" if output == "artifacts" else ""
                await storage.upload(folder, BlobPath(container=target.container, path=target.path + below))

    async def _batch(self, workspace: Scope, name: str, folder: _Folder, spec: Mapping[str, Any]) -> Launch:
        deployment = spec["deployment"]
        check_references(self._service, workspace, deployment)
        python_path, tags = await self._environment(workspace, deployment["environmentId"])
        code = await self._code(workspace, deployment["codeConfiguration"]["codeId"])
        models = resolve(self._service, workspace, deployment["model"]["assetId"], "models")
        model_dir = await self._service.artifacts.model_dir(*models)
        inputs = [await self._input(workspace, folder, key, uri) for key, uri in spec["inputs"].items()]
        output = folder.output(SCORES)
        for needed in (output, folder.work):
            needed.mkdir(parents=True)
        specification = folder.root / "specification.json"
        specification.write_text(
            json.dumps(
                {
                    "scoring_script": str(code / deployment["codeConfiguration"]["scoringScript"]),
                    "inputs": inputs,
                    "mini_batch_size": deployment["miniBatchSize"],
                    "error_threshold": deployment["errorThreshold"],
                    "max_retries": deployment["retrySettings"].get("maxRetries", 3),
                    "output_action": deployment["outputAction"],
                    "output_file": str(output / spec["output_file"]),
                },
                indent=2,
            ),
            "utf-8",
        )
        own = _strings(deployment.get("environmentVariables"))
        variables = {
            **self._variables(workspace, name),
            **own,
            "AZUREML_MODEL_DIR": str(model_dir),
            "AZUREML_BI_OUTPUT_PATH": str(output),
        }
        return Launch(
            command=[sys.executable, "-P", str(_DRIVER), str(specification)],
            cwd=folder.work,
            variables=processes.environment(variables, [*python_path, code]),
            logs=folder.logs,
            outputs={SCORES: output},
            warm=warm(next(iter(python_path), None), tags, own, [str(_DRIVER), str(specification)]),
        )

    async def _command(self, workspace: Scope, name: str, folder: _Folder, request: Mapping[str, Any]) -> Launch:
        python_path, tags = await self._environment(workspace, request["environmentId"])
        if request.get("codeId"):
            shutil.copytree(await self._code(workspace, request["codeId"]), folder.work)
        (folder.work / "outputs").mkdir(parents=True, exist_ok=True)
        values: dict[tuple[str, str], str] = {}
        for key, given in (request.get("inputs") or {}).items():
            literal = given["jobInputType"].lower() == "literal"
            values["inputs", key] = (
                str(given["value"]) if literal else await self._input(workspace, folder, key, given["uri"])
            )
        outputs = {key: folder.output(key) for key in request.get("outputs") or {}}
        for key, path in outputs.items():
            path.mkdir(parents=True)
            values["outputs", key] = str(path)
        own = _strings(request.get("environmentVariables"))
        variables = {**self._variables(workspace, name), **own}
        command = _filled(request["command"], values)
        arguments = [] if request.get("codeId") else python_arguments(command)  # its code may hide imported modules
        return Launch(
            command=["/bin/bash", "-c", command],
            cwd=folder.work,
            variables=processes.environment(variables, [*python_path, folder.work]),
            logs=folder.logs,
            outputs=outputs,
            artifacts=folder.work / "outputs",
            warm=warm(next(iter(python_path), None), tags, own, arguments),
        )

    async def _environment(self, workspace: Scope, reference: str) -> tuple[list[Path], dict[str, Any]]:
        """The build context of an environment version, if it has one, and its tags."""
        asset = resolve(self._service, workspace, reference, "environments")
        folder = await self._service.artifacts.environment_dir(*asset)
        return [folder] if folder else [], asset[2]["properties"].get("tags") or {}

    async def _code(self, workspace: Scope, reference: str) -> Path:
        return await self._service.artifacts.code_dir(*resolve(self._service, workspace, reference, "codes"))

    async def _input(self, workspace: Scope, folder: _Folder, key: str, uri: str) -> str:
        """The path of an input on this machine: a place in storage, or what a data asset or model points to."""
        for kind, field_name in (("data", "dataUri"), ("models", "modelUri")):
            if f"/{kind}/" in uri and "/versions/" in uri:
                uri = str(resolve(self._service, workspace, uri, kind)[2]["properties"][field_name])
                break
        return str(await self._service.artifacts.fetch(workspace, uri, folder.root / "inputs" / key))

    def _variables(self, workspace: Scope, name: str) -> dict[str, str]:
        return {
            **self._service.jobs.runs.variables(workspace, name),
            "AZUREML_RUN_ID": name,
            "AZUREML_ARM_SUBSCRIPTION": workspace.subscription,
            "AZUREML_ARM_RESOURCEGROUP": workspace.resource_group,
            "AZUREML_ARM_WORKSPACE_NAME": workspace.name,
        }


def _strings(variables: Mapping[str, Any] | None) -> dict[str, str]:
    return {name: str(value) for name, value in (variables or {}).items()}


def _filled(command: str, values: Mapping[tuple[str, str], str]) -> str:
    """The command with its inputs and outputs filled in. Raises `ArmError` for an unknown one."""

    def value(match: re.Match[str]) -> str:
        key = (match[1], match[2])
        if key not in values:
            raise invalid(f"The command uses {match[0]}, which the job does not have.")
        return values[key]

    return _PLACEHOLDER.sub(value, command)
