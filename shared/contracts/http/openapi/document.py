"""The description of the HTTP API, OpenAPI 3.1, built from the contracts themselves.

`python -m shared.contracts.http.openapi` writes docs/openapi.json; `--check` exits 1 when the committed file is stale.
"""

import json
import sys
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from shared.contracts.http import alerts as http_alerts
from shared.contracts.http import changes as http_changes
from shared.contracts.http import environments as http_environments
from shared.contracts.http import evidence as http_evidence
from shared.contracts.http import fleet as http_fleet
from shared.contracts.http import freezes as http_freezes
from shared.contracts.http import releases as http
from shared.contracts.http import rollback as http_rollback
from shared.contracts.http.openapi import routines as openapi_routines
from shared.contracts.http.openapi import training as openapi_training

PATH = Path("docs/openapi.json")

_REF = "#/components/schemas/{model}"
_MODELS = (
    http.ReleaseList,
    http.ReleaseView,
    http.HistoryList,
    http.DecisionRequest,
    http.EnvironmentReleaseRequest,
    http.ReasonRequest,
    http.RollbackRequest,
    http.Accepted,
    http.Problem,
    http_changes.WebhookAnswer,
    http_changes.ChangeList,
    http_changes.ChangeView,
    http_environments.EnvironmentVersionList,
    http_evidence.EvidenceAccepted,
    http_evidence.EvidenceView,
    http_fleet.RollbackList,
    http_fleet.RollbackRelease,
    http_fleet.TargetList,
    http_rollback.RollbackReport,
    http_freezes.FreezeRequest,
    http_freezes.FreezeView,
    http_freezes.FreezeList,
    http_freezes.LiftRequest,
    http_alerts.AlertAccepted,
    http_alerts.AlertList,
    *openapi_training.MODELS,
    *openapi_routines.MODELS,
)
_RELEASE_ID = {"name": "release_id", "in": "path", "required": True, "schema": {"type": "string"}}
_FREEZE_ID = {"name": "freeze_id", "in": "path", "required": True, "schema": {"type": "string"}}
_CHANGE_ID = {"name": "change_id", "in": "path", "required": True, "schema": {"type": "string"}}
_STAGE = {
    "name": "stage",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "enum": ["registry", "test", "production", "rollback"]},
}
_FORMAT = {
    "name": "format",
    "in": "query",
    "required": False,
    "schema": {"type": "string", "enum": ["release", "list"], "default": "release"},
}
_RUNNING = {
    "name": "running",
    "in": "query",
    "required": False,
    "schema": {"type": "string", "description": "MAJOR.MINOR.PATCH: only versions that can take its place"},
}
_DOWNLOAD = {
    "name": "download",
    "in": "query",
    "required": False,
    "schema": {"type": "string", "enum": ["0", "1"], "default": "0"},
}

_DESCRIPTION = {
    "summary": "Read this description",
    "security": [],  # public: it holds no data
    "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": {"type": "object"}}}}},
}


def openapi() -> dict[str, Any]:
    """The whole document."""
    schemas = models_json_schema([(model, "serialization") for model in _MODELS], ref_template=_REF)[1]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Switchyard",
            "version": "1",
            "description": "Releases of models and environments to a fleet.",
        },
        "security": [{"entra": []}],
        "paths": {
            "/api/releases": {"get": _read("List releases", "ReleaseList")},
            "/api/releases/{release_id}": {"get": _read("Read a release", "ReleaseView", _RELEASE_ID)},
            "/api/releases/{release_id}/history": {"get": _read("Read its history", "HistoryList", _RELEASE_ID)},
            "/api/releases/{release_id}/gates/{stage}/decisions": {
                "post": _write("Decide on a gate", "DecisionRequest", _RELEASE_ID, _STAGE)
            },
            "/api/releases/{release_id}/abort": {"post": _write("Abort", "ReasonRequest", _RELEASE_ID)},
            "/api/releases/{release_id}/retry": {"post": _write("Retry", "ReasonRequest", _RELEASE_ID)},
            "/api/releases/{release_id}/rollback": {"post": _write("Roll back", "RollbackRequest", _RELEASE_ID)},
            "/api/releases/{release_id}/targets": {"get": _read_fleet("Read its targets", "TargetList", _RELEASE_ID)},
            "/api/releases/{release_id}/rollback-report": {
                "get": _read_fleet("Read what a rollback did", "RollbackReport", _RELEASE_ID)
            },
            "/api/releases/{release_id}/rollback-metadata": {
                "get": _read_fleet("Download what ran before", "RollbackRelease | RollbackList", _RELEASE_ID, _FORMAT)
            },
            "/api/releases/{release_id}/evidence": {"post": _upload(), "get": _read_evidence()},
            "/api/environment-releases": {
                "post": _write("Release an environment version", "EnvironmentReleaseRequest")
            },
            "/api/environment-versions": {"get": _read_versions()},
            "/api/freezes": {
                "get": _read("List freezes", "FreezeList"),
                "post": _freeze("Freeze production", "FreezeRequest", **{"201": _json("FreezeView", "Frozen")}),
            },
            "/api/freezes/{freeze_id}/lift": {"post": _freeze("Lift a freeze", "LiftRequest", _FREEZE_ID)},
            "/api/alerts": {"get": _read_alerts(), "post": _accept_alert()},
            "/api/changes": {"get": _read_changes()},
            "/api/changes/{change_id}": {"get": _read("Read a change", "ChangeView", _CHANGE_ID)},
            "/api/changes/github": {"post": _accept_webhook("GitHub", "githubSignature")},
            "/api/changes/azure-devops": {"post": _accept_webhook("Azure DevOps", "azureDevOpsPassword")},
            **openapi_training.paths(_read, _write, _json),
            **openapi_routines.paths(_read, _write, _json),
            "/api/openapi.json": {"get": _DESCRIPTION},
        },
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "entra": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "githubSignature": {"type": "apiKey", "in": "header", "name": "X-Hub-Signature-256"},
                "azureDevOpsPassword": {"type": "http", "scheme": "basic"},
            },
        },
    }


def _read(summary: str, model: str, *parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        "summary": summary,
        "parameters": list(parameters),
        "responses": {"200": _json(model, "OK"), **_problems("401", "403", "404", "503")},
    }


def _read_fleet(summary: str, model: str, *parameters: dict[str, Any]) -> dict[str, Any]:
    """What only an environment release has: asked of a release of a model it is a conflict."""
    read = _read(summary, model, *parameters)
    return {**read, "responses": {**read["responses"], **_problems("400", "409")}}


def _write(summary: str, model: str, *parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        "summary": summary,
        "parameters": list(parameters),
        "requestBody": {"required": True, "content": _content("application/json", model)},
        "responses": {
            "200": _json("Accepted", "Done already"),
            "202": _json("Accepted", "Accepted; follow the release"),
            **_problems("400", "401", "403", "404", "409", "503"),
        },
    }


def _freeze(summary: str, model: str, *parameters: dict[str, Any], **more: dict[str, Any]) -> dict[str, Any]:
    """What counts at once: the answer is the freeze, not a release to follow."""
    written = _write(summary, model, *parameters)
    problems = _problems("400", "401", "403", "404", "409", "503")
    return {**written, "responses": {"200": _json("FreezeView", "Done, or done already"), **more, **problems}}


def _upload() -> dict[str, Any]:
    """The file as it is; its media types are those a notebook may be sent as."""
    content = {each: {"schema": {"type": "object"}} for each in http_evidence.NOTEBOOK_TYPES}
    return {
        "summary": "Hand in an executed notebook",
        "parameters": [_RELEASE_ID],
        "requestBody": {"required": True, "content": content},
        "responses": {
            "200": _json("EvidenceAccepted", "It is the release's evidence already"),
            "202": _json("EvidenceAccepted", "Accepted; what it is worth is told at once"),
            **_problems("400", "401", "403", "404", "409", "413", "503"),
        },
    }


def _read_evidence() -> dict[str, Any]:
    read = _read_fleet("Read what its evidence is worth, or download it", "EvidenceView", _RELEASE_ID, _DOWNLOAD)
    file = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    read["responses"]["200"]["content"] |= file
    return read


def _read_alerts() -> dict[str, Any]:
    most = http_alerts.ALERTS_LISTED_MAX
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": min(50, most)}
    read = _read("List alerts", "AlertList", {"name": "limit", "in": "query", "required": False, "schema": schema})
    return {**read, "responses": {**read["responses"], **_problems("400")}}


def _read_versions() -> dict[str, Any]:
    read = _read("List versions of the environment that models keep working in", "EnvironmentVersionList", _RUNNING)
    responses = {status: answer for status, answer in read["responses"].items() if status != "404"}
    return {**read, "responses": {**responses, **_problems("400", "502")}}


def _accept_alert() -> dict[str, Any]:
    """For Azure Monitor: the body is its common alert schema, which is not ours to describe."""
    return {
        "summary": "Take an alert of Azure Monitor",
        "parameters": [],
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
        "responses": {
            "200": _json("AlertAccepted", "Accepted before"),
            "202": _json("AlertAccepted", "Accepted; it is looked at in a moment"),
            **_problems("400", "401", "403", "413", "503"),
        },
    }


def _read_changes() -> dict[str, Any]:
    most = http_changes.CHANGES_LISTED_MAX
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": 50}
    read = _read("List changes", "ChangeList", {"name": "limit", "in": "query", "required": False, "schema": schema})
    return {**read, "responses": {**read["responses"], **_problems("400")}}


def _accept_webhook(sender: str, scheme: str) -> dict[str, Any]:
    """The body is the sender's own."""
    return {
        "summary": f"Take a webhook of {sender} about a merged change",
        "security": [{scheme: []}],
        "parameters": [],
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
        "responses": {
            "200": _json("WebhookAnswer", "Known already, or ignored for a reason"),
            "202": _json("WebhookAnswer", "Accepted; it is looked at in a moment"),
            **_problems("400", "401", "404", "413", "503"),
        },
    }


def _problems(*statuses: str) -> dict[str, Any]:
    content = _content("application/problem+json", "Problem")
    return {status: {"description": "Problem details", "content": content} for status in statuses}


def _json(model: str, description: str) -> dict[str, Any]:
    return {"description": description, "content": _content("application/json", model)}


def _content(media_type: str, model: str) -> dict[str, Any]:
    """`model` may name several, with bars between them."""
    schemas = [{"$ref": _REF.format(model=name)} for name in model.split(" | ")]
    return {media_type: {"schema": schemas[0] if len(schemas) == 1 else {"oneOf": schemas}}}


def main() -> int:
    """Writes or checks the committed description."""
    text = json.dumps(openapi(), indent=2, sort_keys=True) + "\n"
    if "--check" not in sys.argv:
        PATH.write_text(text)
        return 0
    if PATH.exists() and PATH.read_text() == text:
        return 0
    sys.stderr.write(f"{PATH} is stale: run python -m shared.contracts.http.openapi\n")
    return 1
