"""The clients of Azure ML and the threads they run in: one shared client per workspace, a fresh one per share.

Why: docs/azure-facts.md#threads-and-retries. The client has no async API, a shared one is safe for get, list and
PUT, and `share()` rewrites the scope of the client it runs on, so that every other call of it may go to the registry.
The workspaces are those of the settings: no name or id from a message ever builds a client (R-SEC-15).
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from azure.core.credentials import TokenCredential

from shared.adapters.azure_ml.pace import WritePace
from shared.adapters.read_retries import ReadRetries
from shared.application.errors import PlatformRefused
from shared.application.platform_ports import Place
from shared.application.ports import Pace

if TYPE_CHECKING:  # importing it takes seconds: it is loaded when the first call needs it
    from azure.ai.ml import MLClient

READ_TIMEOUT_S = 60
"""No request stays in flight longer; with one connection attempt this is below any sensible `settle_quiet_s`."""

CONNECT_TIMEOUT_S = 10
POLLING_INTERVAL_S = 5
"""Between two looks of the client at the creation of an endpoint, or at a cancellation."""

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class AzureMlScope:
    """Where Azure ML is: the only names that clients are built for. `app_root` is what scoring code is relative to."""

    tenant_id: str
    subscription_id: str
    resource_group: str
    dev_workspace: str
    test_workspace: str
    production_workspace: str
    registry: str
    app_root: Path

    def workspace(self, place: Place) -> str:
        """The workspace releases of this place are deployed to."""
        of = {
            Place.DEV: self.dev_workspace,
            Place.TEST: self.test_workspace,
            Place.PRODUCTION: self.production_workspace,
        }
        return of[place]

    def arm_id(self, workspace: str) -> str:
        """The ARM id of a workspace."""
        return (
            f"/subscriptions/{self.subscription_id}/resourceGroups/{self.resource_group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{workspace}"
        )

    def check_dev(self, workspace: str) -> None:
        """Raises PlatformRefused for any workspace that candidates do not come from."""
        if workspace.lower() != self.dev_workspace.lower():
            raise PlatformRefused(
                f"workspace {workspace} is not the dev workspace {self.dev_workspace}: register the model there"
            )


class AzureMlClients:
    """Builds clients when they are first needed, and runs blocking calls in a bounded pool of threads."""

    def __init__(
        self, scope: AzureMlScope, credential: TokenCredential, threads: int, pace: Pace | None = None
    ) -> None:
        self.scope = scope
        self._pace = WritePace(pace)
        self.invoking = threading.Lock()
        self.credential = credential
        self._executor = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="azure-ml")
        self._building = threading.Lock()
        self._workspaces: dict[str, MLClient] = {}
        self._registry: MLClient | None = None

    def pooled(self, call: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
        """The async face of a blocking call: it runs in the pool."""

        @wraps(call)
        async def run(*arguments: P.args, **named: P.kwargs) -> T:
            loop = self._pace.loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._executor, partial(call, *arguments, **named))

        return run

    def dev(self) -> "MLClient":
        """The shared client of the dev workspace: for reading only."""
        return self.shared(self.scope.dev_workspace)

    def of(self, place: Place) -> "MLClient":
        """The shared client of a place: for everything but share."""
        return self.shared(self.scope.workspace(place))

    def shared(self, workspace: str) -> "MLClient":
        """The shared client of a workspace of the scope: for everything but share."""
        with self._building:
            client = self._workspaces.get(workspace)
            if client is None:
                client = self._workspaces[workspace] = self._build(workspace_name=workspace)
                _submit_lean(client)
            return client

    def fresh_dev(self) -> "MLClient":
        """A client of the dev workspace for one share."""
        return self._build(workspace_name=self.scope.dev_workspace)

    def registry(self) -> "MLClient":
        """The shared client of the registry, for reading; building it asks the discovery service."""
        with self._building:
            if self._registry is None:
                self._registry = self._build(registry_name=self.scope.registry)
            return self._registry

    def close(self) -> None:
        """Let running calls end and take no more."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _build(self, **where: str) -> "MLClient":
        from azure.ai.ml import MLClient

        logging.getLogger("azure.ai.ml").setLevel(logging.ERROR)  # it announces experimental methods at every call
        logging.getLogger("azure.ai.ml._telemetry").setLevel(logging.CRITICAL)  # to it, every 404 is an error

        options: dict[str, Any] = {
            "show_progress": False,
            "enable_telemetry": False,
            "retry_policy": ReadRetries(1),
            "read_timeout": READ_TIMEOUT_S,
            "connection_timeout": CONNECT_TIMEOUT_S,
            "polling_interval": POLLING_INTERVAL_S,
            "raw_request_hook": self._pace.before,
            "raw_response_hook": self._pace.after,
        }
        scope = self.scope
        return MLClient(self.credential, scope.subscription_id, scope.resource_group, **where, **options)


def _submit_lean(client: "MLClient") -> None:
    """Have changes of deployments return once they are accepted, with no thread that polls and no read before it.

    `polling=False` is the documented option of every operation of the generated client, but the layer above has no way
    to pass it on, and a long polling interval does not help: the service's Retry-After overrides it, and every
    deployment would keep a thread and a share of the subscription's reads. The outcome is read back anyway. The same
    layer reads endpoint and workspace before every PUT (docs/azure-facts.md#calls-and-paths): the service refuses a
    deployment whose endpoint is missing by itself, and the location of a workspace never changes.
    """
    deployments: Any = client.batch_deployments
    generated = deployments._batch_deployment
    generated.begin_create_or_update = partial(generated.begin_create_or_update, polling=False)
    deployments._batch_endpoint_operations = _NothingToCheck
    deployments._get_workspace_location = cache(deployments._get_workspace_location)
    online: Any = client.online_deployments
    online._online_endpoint_operations = _NothingToCheck
    endpoints: Any = client.online_endpoints
    for operations, generated in ((online, online._online_deployment), (endpoints, endpoints._online_operation)):
        generated.begin_create_or_update = _unpolled(generated.begin_create_or_update)
        generated.begin_delete = _unpolled(generated.begin_delete)
        operations._get_workspace_location = cache(operations._get_workspace_location)


def _unpolled(call: Callable[..., Any]) -> Callable[..., Any]:
    """The call without polling, also where the layer above asks for it."""

    def accepted(*arguments: Any, **options: Any) -> Any:
        return call(*arguments, **{**options, "polling": False})

    return accepted


class _NothingToCheck:
    """Stands where the client asks whether an endpoint exists."""

    @staticmethod
    def get(**_: Any) -> None:
        """Says nothing: an endpoint that is missing raises nothing here."""
