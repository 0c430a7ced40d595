"""The description of the HTTP API, OpenAPI 3.1, made of the declared routes and their models.

`python -m shared.contracts.http.openapi` writes docs/openapi.json; `--check` exits 1 when the committed file is stale.
"""

import json
import re
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from shared.contracts.http.route import JSON, Access, Route
from shared.contracts.http.routes import ROUTES
from shared.domain.release.model import Kind, Phase
from shared.domain.release.policy import Stage

PATH = Path("docs/openapi.json")

_PROBLEM = "releases.Problem"
_PARAMETER = re.compile(r"{(\w+)}")
_FILE = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}

Part = dict[str, Any]
Refs = Mapping[str, Part]

_FORMS: Mapping[str, Part] = {
    "stage": {"enum": list(Stage)},
    "phase": {"enum": list(Phase)},
    "kind": {"enum": list(Kind)},
}
"""What is known of a parameter besides that it is a text; a cold start, which reads the routes, does not pay for it."""


def openapi() -> Part:
    """The whole document."""
    refs, schemas = _schemas()
    paths: dict[str, Part] = {}
    for route in ROUTES:
        paths.setdefault(f"/api/{route.path}", {})[route.method.lower()] = _operation(route, refs)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Switchyard",
            "version": "1",
            "description": "Releases of models and environments to a fleet.",
        },
        "security": [{Access.TOKEN.value: []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                Access.TOKEN.value: {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                Access.GITHUB.value: {"type": "apiKey", "in": "header", "name": "X-Hub-Signature-256"},
                Access.AZURE_DEVOPS.value: {"type": "http", "scheme": "basic"},
            },
        },
    }


def _schemas() -> tuple[Refs, Part]:
    """A reference to each model that a route names, and the models with all they hold."""
    bodies = (route.body.model for route in ROUTES if route.body and route.body.model)
    names = sorted({_PROBLEM, *bodies, *(name for route in ROUTES for name in route.models)})
    models = {name: _model(name) for name in names}
    template = "#/components/schemas/{model}"
    refs, schemas = models_json_schema([(each, "serialization") for each in models.values()], ref_template=template)
    return {name: refs[model, "serialization"] for name, model in models.items()}, schemas["$defs"]


def _model(name: str) -> type[BaseModel]:
    module, _, of = name.partition(".")
    model: type[BaseModel] = getattr(import_module(f"shared.contracts.http.{module}"), of)
    return model


def _operation(route: Route, refs: Refs) -> Part:
    answer = {"content": _answer(route, refs)}
    problem = {"description": "Problem details", "content": {"application/problem+json": {"schema": refs[_PROBLEM]}}}
    operation: Part = {
        "summary": route.summary,
        "responses": {str(status): {"description": text, **answer} for status, text in route.told.items()}
        | {str(status): problem for status in route.problems},
    }
    if route.access is Access.PUBLIC:
        return {**operation, "security": []}
    if route.access is not Access.TOKEN:
        operation["security"] = [{route.access.value: []}]
    if route.body:
        schema = refs[route.body.model] if route.body.model else {"type": "object"}
        content = {content_type: {"schema": schema} for content_type in route.body.content_types}
        operation["requestBody"] = {"required": True, "content": content}
    return {**operation, "parameters": _parameters(route)}


def _answer(route: Route, refs: Refs) -> Part:
    models = [refs[name] for name in route.models]
    schema = {"oneOf": models} if len(models) > 1 else models[0] if models else {"type": "object"}
    return {JSON: {"schema": schema}, **(_FILE if route.file else {})}


def _parameters(route: Route) -> list[Part]:
    named = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", **_FORMS.get(name, {})}}
        for name in _PARAMETER.findall(route.path)
    ]
    asked = [
        {"name": each.name, "in": "query", "required": False, "schema": {**each.schema, **_FORMS.get(each.name, {})}}
        for each in route.query
    ]
    return [*named, *asked]


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


if __name__ == "__main__":
    sys.exit(main())
