"""What the process of an online deployment needs: its code, environment and model, as folders and variables.

One folder per deployment, `DATA/online/<workspace>/<endpoint>/<deployment>/`: `logs` and `work`, where it runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import isodate

from local.azureml.assets.references import resolve
from local.azureml.jobs import processes
from local.azureml.online.servers import Plan
from local.azureml.service.call import Service
from local.azureml.service.config import Scope
from local.azureml.service.errors import invalid

CONSOLE, STORAGE = "stdout.txt", "storage.txt"


def workspace_of(service: Service, arm_id: str) -> Scope:
    return service.settings.workspaces[arm_id.split("/")[8]]


def folder_of(service: Service, deployment: str) -> Path:
    """Where a deployment, by its id, keeps its logs."""
    parts = deployment.lower().split("/")
    return service.data / "online" / parts[8] / parts[10] / parts[12]


async def plan(service: Service, deployment: str, served: dict[str, Any]) -> Plan:
    """Bring everything to this machine. Raises `ArmError` if something the deployment refers to is missing."""
    workspace = workspace_of(service, deployment)
    properties, folder = served["properties"], folder_of(service, deployment)
    logs = folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    (logs / STORAGE).write_text("")

    def fetched(what: str, reference: str, place: Path | None) -> None:
        with (logs / STORAGE).open("a") as log:
            log.write(f"Downloaded {what} {reference}" + (f" to {place}\n" if place else ": an image without files\n"))

    model_id, code = properties["model"], properties["codeConfiguration"]
    models = resolve(service, workspace, model_id, "models")
    model_dir = await service.artifacts.model_dir(*models)
    fetched("model", model_id, model_dir)
    codes = resolve(service, workspace, code["codeId"], "codes")
    code_dir = await service.artifacts.code_dir(*codes)
    fetched("code", code["codeId"], code_dir)
    environments = resolve(service, workspace, properties["environmentId"], "environments")
    environment_dir = await service.artifacts.environment_dir(*environments)
    fetched("environment", properties["environmentId"], environment_dir)
    variables = {name: str(value) for name, value in (properties.get("environmentVariables") or {}).items()}
    variables["AZUREML_MODEL_DIR"] = str(model_dir)
    python_path = [each for each in (environment_dir, code_dir) if each]
    settings = properties["requestSettings"]
    return Plan(
        scoring_script=code_dir / code["scoringScript"],
        cwd=folder / "work",
        variables=processes.environment(variables, python_path),
        logs=logs,
        slots=settings["maxConcurrentRequestsPerInstance"] * served["capacity"],
        timeout_s=seconds(settings["requestTimeout"]),
    )


def seconds(duration: str) -> float:
    """Raises `ArmError` 400 for anything but an ISO 8601 duration."""
    try:
        return float(isodate.parse_duration(duration).total_seconds())
    except (isodate.ISO8601Error, TypeError) as problem:
        raise invalid(f"requestTimeout must be an ISO 8601 duration, not {duration!r}.") from problem


def log_tail(folder: Path, container: str, lines: int) -> str:
    """The last lines of a container's log; empty before there is one."""
    file = folder / "logs" / container
    if not file.exists():
        return ""
    return "\n".join(file.read_text("utf-8", errors="replace").splitlines()[-lines:] if lines else [])
