"""One request and what handling it needs: the parts of the service, the caller, and the way back."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from local.azureml.service.artifacts import Artifacts
from local.azureml.service.asked import Asked
from local.azureml.service.auth import Authenticator
from local.azureml.service.config import Scope, Settings
from local.azureml.service.errors import conflict, not_found
from local.azureml.service.events import Outbox
from local.azureml.service.faults import Faults
from local.azureml.service.job_records import Jobs
from local.azureml.service.operations import Operation, Operations, poll_url, retry_headers
from local.azureml.service.storage import Storage
from local.azureml.service.store import Document, Store
from local.azureml.service.throttle import Throttle

EMULATED_HOST_HEADER = "x-emu-host"
_OPERATION_TIMEOUT = {"x-ms-async-operation-timeout": "PT1H"}


@dataclass(frozen=True, kw_only=True)
class Service:
    """The parts of the running server."""

    settings: Settings
    data: Path
    store: Store
    storage: Storage
    artifacts: Artifacts
    operations: Operations
    jobs: Jobs
    outbox: Outbox
    faults: Faults
    throttle: Throttle
    authenticator: Authenticator
    asked: Asked = field(default_factory=Asked)


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request whose caller is known."""

    service: Service
    request: Request
    operation: str  # the route's name
    caller: str
    body: Document

    def param(self, name: str) -> str:
        return str(self.request.path_params[name])

    @property
    def query(self) -> dict[str, str]:
        return dict(self.request.query_params)

    @property
    def scope(self) -> Scope:
        """The workspace or registry of the path. Raises `ArmError` 404."""
        name = self.request.path_params.get("workspace")
        if name is not None:
            known, what = self.service.settings.workspaces, "Workspace"
        else:
            name = self.param("registry")
            known, what = self.service.settings.registries, "Registry"
        if name not in known:
            raise not_found(f"{what} {name}")
        return known[name]

    @property
    def emulated_host(self) -> str | None:
        """The public host the client believes it talks to; None for a client that came here directly."""
        return self.request.headers.get(EMULATED_HOST_HEADER)

    @property
    def own_base(self) -> str:
        return f"{self.request.url.scheme}://{self.request.headers['host']}"

    @property
    def base(self) -> str:
        """The base URL for answers that point back here. Pollers insist on the public https host."""
        return f"https://{self.emulated_host}" if self.emulated_host else self.own_base

    def public_base(self, host: str) -> str:
        """The base URL of another public host, or this server's for a client that came here directly."""
        return f"https://{host}" if self.emulated_host else self.own_base

    def accept(self, operation: Operation, document: Document | None = None, *, status: int = 202) -> Response:
        """Answer with a started operation: `Azure-AsyncOperation` beside a document, `Location` without one."""
        url = poll_url(operation, base=self.base, settings=self.service.settings, results=document is None)
        headers = {
            ("Location" if document is None else "Azure-AsyncOperation"): url,
            **_OPERATION_TIMEOUT,
            **retry_headers(self.service.faults.profile.retry_after_s),
        }
        if document is None:
            return Response(status_code=status, headers=headers)
        return JSONResponse(document, status, headers=headers)

    def start(
        self, kind: str, *, target: str, entity: str | None, arguments: dict[str, Any] | None = None
    ) -> Operation:
        """Start an operation, or one that will fail if a fault says so; part of the caller's transaction.

        With an entity it raises `ArmError` 409 while another operation runs on it: "any new operation on that same
        endpoint responds with a 409 conflict error" (Troubleshoot online endpoints, common error codes).
        """
        service = self.service
        if entity and service.operations.running_on(entity):
            raise conflict(
                f"Conflict of operation, another operation on same entity is already running in workspace "
                f"{self.scope.name}."
            )
        arguments = dict(arguments or {})
        if fault := service.faults.take(self.operation, self.request.url.path, "lro_failed"):
            arguments["fault"] = {"code": fault.code, "message": fault.message}
        return service.operations.start(
            kind,
            target=target,
            entity=entity,
            seconds=service.faults.operation_seconds(),
            arguments=arguments,
        )
