"""MLflow tracking for jobs: the calls by which a job reports metrics, parameters and tags, and one that reads them.

In Azure ML a run's tags are the job's tags, so a tag that a job sets is read with the job. A job's process finds the
server, its run and a token for that run alone in its variables; people may look with any token.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
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
    body = await json_body(request)
    given = {kind: body.get(kind) or [] for kind in ("metrics", "params", "tags")}
    if any(not isinstance(each, list) or len(each) > _BATCH_MAX for each in given.values()):
        raise HTTPException(400, f"at most {_BATCH_MAX} values of a kind in one call")
    return _told(request, body, **given)


async def log_metric(request: Request) -> Response:
    """One metric."""
    body = await json_body(request)
    return _told(request, body, metrics=[body])


async def log_parameter(request: Request) -> Response:
    """One parameter."""
    body = await json_body(request)
    return _told(request, body, params=[body])


async def set_tag(request: Request) -> Response:
    """One tag."""
    body = await json_body(request)
    return _told(request, body, tags=[body])


async def update(request: Request) -> Response:
    """What the library says when a script ends its run. How the job ended is said by its process alone."""
    body = await json_body(request)
    _told(request, body)
    return JSONResponse({"run_info": _info(service_of(request).jobs, _workspace(request), str(body.get("run_id", "")))})


def _told(
    request: Request,
    body: Document,
    *,
    metrics: Sequence[Any] = (),
    params: Sequence[Any] = (),
    tags: Sequence[Any] = (),
) -> Response:
    """Keeps what a job tells about its own run. Raises HTTPException 401 for any other."""
    service, workspace, job = service_of(request), _workspace(request), str(body.get("run_id", ""))
    if not service.jobs.runs.allows(workspace, job, request.headers.get("authorization")):
        raise HTTPException(401, "only the job itself tells about its run")
    with service.store.transaction():
        document = _job(service.jobs, workspace, job)
        properties: Document = document["properties"]
        own: Document = properties["properties"]
        own[_METRICS] = json.dumps({**_kept(own, _METRICS), **_values(metrics)})
        parameters, new = _kept(own, _PARAMETERS), _values(params)
        if changed := [name for name in new if parameters.get(name, new[name]) != new[name]]:
            raise HTTPException(400, f"INVALID_PARAMETER_VALUE: {', '.join(changed)} changed")
        own[_PARAMETERS] = json.dumps({**parameters, **new})
        properties["tags"] = {**properties["tags"], **_values(tags)}
        service.store.put(document["id"], touched(document))
    return JSONResponse({})


async def get_run(request: Request) -> Response:
    """A run with the metrics, parameters and tags it reported, for people and for the job itself."""
    service, workspace, job = service_of(request), _workspace(request), request.query_params.get("run_id", "")
    shown = request.headers.get("authorization")
    if not service.jobs.runs.allows(workspace, job, shown):
        try:
            await service.authenticator.caller(shown)
        except ArmError as problem:
            raise HTTPException(problem.status, str(problem)) from problem
    properties = _job(service.jobs, workspace, job)["properties"]
    own = properties["properties"]
    data = {"metrics": _kept(own, _METRICS), "params": _kept(own, _PARAMETERS), "tags": properties["tags"]}
    reported = {kind: [{"key": key, "value": value} for key, value in values.items()] for kind, values in data.items()}
    return JSONResponse({"run": {"info": _info(service.jobs, workspace, job), "data": reported}})


def _info(jobs: Jobs, workspace: Scope, job: str) -> Document:
    return {"run_id": job, "status": _job(jobs, workspace, job)["properties"]["status"]}


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


def _values(pairs: Sequence[Any]) -> dict[str, Any]:
    try:
        return {str(pair["key"]): pair["value"] for pair in pairs}
    except (TypeError, KeyError) as problem:
        raise HTTPException(400, "a metric, parameter or tag is an object with key and value") from problem


ROUTES = [
    Route(f"{_API}/log-batch", log_batch, methods=["POST"]),
    Route(f"{_API}/log-metric", log_metric, methods=["POST"]),
    Route(f"{_API}/log-parameter", log_parameter, methods=["POST"]),
    Route(f"{_API}/set-tag", set_tag, methods=["POST"]),
    Route(f"{_API}/update", update, methods=["POST"]),
    Route(f"{_API}/get", get_run, methods=["GET"]),
]
