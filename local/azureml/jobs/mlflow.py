"""MLflow tracking for jobs: one call by which a job reports metrics, parameters and tags, and one that reads them.

In Azure ML a run's tags are the job's tags, so a tag that a job sets is read with the job. A job's process finds the
server, its run and a token for that run alone in its variables; people may look with any token.
"""

from __future__ import annotations

import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.azureml.service.config import PROVIDER, Scope
from local.azureml.service.control import service_of
from local.azureml.service.documents import touched
from local.azureml.service.errors import ArmError
from local.azureml.service.job_records import Jobs
from local.azureml.service.run_tokens import BASE
from local.azureml.service.store import Document
from local.serving import json_body

_PATH = BASE + f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{PROVIDER}/workspaces/{{workspace}}"
_API = _PATH + "/api/2.0/mlflow/runs"
_BATCH_MAX = 100
_METRICS, _PARAMETERS = "local.metrics", "local.params"


async def log_batch(request: Request) -> Response:
    """Metrics, parameters and tags of one run. A parameter never changes; the last value of a metric counts."""
    service, body = service_of(request), await json_body(request)
    workspace, job = _workspace(request), str(body.get("run_id", ""))
    if not service.jobs.runs.allows(workspace, job, request.headers.get("authorization")):
        raise HTTPException(401, "only the job itself tells about its run")
    given = {kind: body.get(kind) or [] for kind in ("metrics", "params", "tags")}
    if any(not isinstance(each, list) or len(each) > _BATCH_MAX for each in given.values()):
        raise HTTPException(400, f"at most {_BATCH_MAX} values of a kind in one call")
    with service.store.transaction():
        document = _job(service.jobs, workspace, job)
        properties: Document = document["properties"]
        own: Document = properties["properties"]
        own[_METRICS] = json.dumps({**_kept(own, _METRICS), **_values(given["metrics"])})
        parameters, new = _kept(own, _PARAMETERS), _values(given["params"])
        if changed := [name for name in new if parameters.get(name, new[name]) != new[name]]:
            raise HTTPException(400, f"INVALID_PARAMETER_VALUE: {', '.join(changed)} changed")
        own[_PARAMETERS] = json.dumps({**parameters, **new})
        properties["tags"] = {**properties["tags"], **_values(given["tags"])}
        service.store.put(document["id"], touched(document))
    return JSONResponse({})


async def get_run(request: Request) -> Response:
    """A run with the metrics, parameters and tags it reported."""
    service = service_of(request)
    try:
        await service.authenticator.caller(request.headers.get("authorization"))
    except ArmError as problem:
        raise HTTPException(problem.status, str(problem)) from problem
    job = request.query_params.get("run_id", "")
    properties = _job(service.jobs, _workspace(request), job)["properties"]
    own = properties["properties"]
    data = {"metrics": _kept(own, _METRICS), "params": _kept(own, _PARAMETERS), "tags": properties["tags"]}
    reported = {kind: [{"key": key, "value": value} for key, value in values.items()] for kind, values in data.items()}
    return JSONResponse({"run": {"info": {"run_id": job, "status": properties["status"]}, "data": reported}})


def _workspace(request: Request) -> Scope:
    known = service_of(request).settings.workspaces
    name = request.path_params["workspace"]
    if name not in known:
        raise HTTPException(404, f"there is no workspace {name}")
    return known[name]


def _job(jobs: Jobs, workspace: Scope, name: str) -> Document:
    try:
        return jobs.get(workspace, name)
    except ArmError as problem:
        raise HTTPException(404, f"RESOURCE_DOES_NOT_EXIST: run {name}") from problem


def _kept(properties: Document, kind: str) -> dict[str, Any]:
    kept: dict[str, Any] = json.loads(properties.get(kind) or "{}")
    return kept


def _values(pairs: list[Any]) -> dict[str, Any]:
    try:
        return {str(pair["key"]): pair["value"] for pair in pairs}
    except (TypeError, KeyError) as problem:
        raise HTTPException(400, "a metric, parameter or tag is an object with key and value") from problem


ROUTES = [
    Route(f"{_API}/log-batch", log_batch, methods=["POST"]),
    Route(f"{_API}/get", get_run, methods=["GET"]),
]
