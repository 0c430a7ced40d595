"""OnlinePlatform on Azure Machine Learning: managed online endpoints, and the comparison as a command job.

A PUT replaces everything of an endpoint, its traffic among it, so that traffic is read and put back with the rest. An
endpoint and its deployments take one operation at a time (docs/azure-facts.md#assets-deployments-and-jobs).
"""

import time
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import AzureError, ResourceNotFoundError, ServiceRequestTimeoutError, ServiceResponseError

from shared.adapters.azure_ml.clients import AzureMlClients
from shared.adapters.azure_ml.command_jobs import CommandJobs, command_job, folder, mounted
from shared.adapters.azure_ml.errors import translated
from shared.adapters.azure_ml.online_specs import entity_of, found_of
from shared.adapters.azure_ml.sent_marker import sent_marker
from shared.adapters.azure_ml.specs import code_folder
from shared.adapters.azure_ml.values import word
from shared.application.errors import PlatformBlocked, PlatformBusy
from shared.application.online_platform import ComparisonJob, Scored
from shared.application.platform_ports import Place
from shared.domain.online.model import EndpointFound, Shares, SlotSpec

if TYPE_CHECKING:
    from azure.ai.ml.entities import Command, OnlineEndpoint

DEPLOYMENT_HEADER = "azureml-model-deployment"
"""Names the deployment that shall answer a request, and in the answer the one that did."""

COMPARISON = "comparison"
"""The output of a comparison; a job of somebody else's must name it so as well."""

REPORT_FILE = "metrics/comparison.json"
REPORT_BYTES_MAX = 256 * 1024
COMPARISON_LIMIT_S = 7200
ANSWER_BYTES_MAX = 1024 * 1024
DOOR_KNOWN_S = 60.0
_NOT_ALLOWED = (401, 403)
_DATASTORE = "azureml://datastores/workspaceblobstore/paths/"


class AzureMlOnline:
    """The blocking calls are run in the pool; errors as the port says."""

    def __init__(self, clients: AzureMlClients) -> None:
        self._clients = clients
        self._jobs = CommandJobs(clients, clients.scope.dev_workspace)
        self._doors: dict[tuple[Place, str], tuple[str, str, float]] = {}
        self.get_endpoint = clients.pooled(self._get_endpoint)
        self.put_slot = clients.pooled(self._put_slot)
        self.delete_slot = clients.pooled(self._delete_slot)
        self.set_traffic = clients.pooled(self._set_traffic)
        self.score = clients.pooled(self._score)
        self.submit_comparison = clients.pooled(self._submit_comparison)
        self.read_comparison = clients.pooled(self._read_comparison)

    def _get_endpoint(self, place: Place, endpoint_name: str) -> EndpointFound | None:
        client = self._clients.of(place)
        try:
            endpoint = client.online_endpoints.get(endpoint_name)
            deployments = list(client.online_deployments.list(endpoint_name))
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise translated(error, f"endpoint {endpoint_name} in {place.value} could not be read") from error
        return found_of(endpoint, deployments)

    def _put_slot(self, place: Place, spec: SlotSpec) -> None:
        client, what = self._clients.of(place), f"slot {spec.endpoint_name}/{spec.slot} in {place.value}"
        entity = entity_of(spec, self._clients.scope, self._clients.scope.workspace(place))
        try:
            endpoint = self._endpoint(place, spec.endpoint_name)
        except AzureError as error:
            raise translated(error, f"{what} could not be changed") from error
        if endpoint is None or word(endpoint.provisioning_state).lower() in ("failed", "canceled"):
            self._make_endpoint(place, spec.endpoint_name)
        self._send(lambda: client.online_deployments.begin_create_or_update(entity), f"{what} could not be changed")

    def _make_endpoint(self, place: Place, name: str) -> None:
        """Callers sign in with Entra: nobody has to read, keep and change a key."""
        from azure.ai.ml.entities import ManagedOnlineEndpoint

        wanted = ManagedOnlineEndpoint(name=name, auth_mode="aad_token", description="Made by Switchyard")
        client, what = self._clients.of(place), f"endpoint {name} in {place.value}"
        self._send(lambda: client.online_endpoints.begin_create_or_update(wanted), f"{what} could not be made")
        raise PlatformBusy(f"{what} is being made")

    def _delete_slot(self, place: Place, endpoint_name: str, slot: str) -> None:
        client, what = self._clients.of(place), f"slot {endpoint_name}/{slot} in {place.value}"
        try:
            self._send(
                lambda: client.online_deployments.begin_delete(slot, endpoint_name), f"{what} could not be deleted"
            )
        except PlatformBlocked as blocked:
            if not isinstance(blocked.__cause__, ResourceNotFoundError):
                raise

    def _set_traffic(self, place: Place, endpoint_name: str, traffic: Shares, mirror: Shares) -> None:
        what = f"the traffic of {endpoint_name} in {place.value}"
        client = self._clients.of(place)
        try:
            endpoint = self._endpoint(place, endpoint_name)
        except AzureError as error:
            raise translated(error, f"{what} could not be read") from error
        if endpoint is None:
            raise PlatformBlocked(f"{what} could not be changed: there is no such endpoint")
        endpoint.traffic, endpoint.mirror_traffic = dict(traffic), dict(mirror)
        self._send(lambda: client.online_endpoints.begin_create_or_update(endpoint), f"{what} could not be changed")

    def _endpoint(self, place: Place, name: str) -> "OnlineEndpoint | None":
        try:
            endpoint: OnlineEndpoint = self._clients.of(place).online_endpoints.get(name)
            return endpoint
        except ResourceNotFoundError:
            return None

    def _send(self, change: Any, what: str) -> None:
        """Returns when the service accepted the change. Until it is on the wire nothing can have changed."""
        sent_marker.sent = False
        try:
            change()
        except AzureError as error:
            raise translated(error, what, sent=sent_marker.sent) from error

    def _score(self, place: Place, endpoint_name: str, slot: str, request: bytes, timeout_s: float) -> Scored:
        """The client's own `invoke` tells neither status nor slot nor time, and keeps its headers for the whole process
        (docs/azure-facts.md#threads-and-retries), so that its parts are used."""
        operations: Any = self._clients.of(place).online_endpoints
        what = f"endpoint {endpoint_name} in {place.value} could not be asked"
        uri, token = self._door(place, endpoint_name, what)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        headers |= {DEPLOYMENT_HEADER: slot} if slot else {}
        began = time.monotonic()
        try:
            response = operations._requests_pipeline.post(uri, data=request, headers=headers, read_timeout=timeout_s)
        except (ServiceResponseError, ServiceRequestTimeoutError):
            return Scored(status=0, slot=slot, latency_ms=(time.monotonic() - began) * 1000)
        except AzureError as error:
            raise translated(error, what) from error
        body = bytes(response.body())[:ANSWER_BYTES_MAX]
        latency_ms = (time.monotonic() - began) * 1000
        if response.status_code in _NOT_ALLOWED:
            self._doors.pop((place, endpoint_name), None)
            raise PlatformBlocked(f"{what}: status {response.status_code}; give the app the right to score it")
        answered_by = str(response.headers.get(DEPLOYMENT_HEADER, slot))
        return Scored(status=int(response.status_code), slot=answered_by, latency_ms=latency_ms, body=body)

    def _door(self, place: Place, endpoint_name: str, what: str) -> tuple[str, str]:
        """Where the endpoint is asked, and with which token or key; known for a minute, as a test asks often."""
        known = self._doors.get((place, endpoint_name))
        if known is not None and time.monotonic() < known[2]:
            return known[0], known[1]
        operations: Any = self._clients.of(place).online_endpoints
        try:
            endpoint = operations.get(endpoint_name)
            mode = word(endpoint.auth_mode).replace("_", "")  # the entity's word is not the service's
            keys = operations._get_online_credentials(endpoint_name, mode)
        except AzureError as error:
            raise translated(error, what) from error
        uri = str(endpoint.scoring_uri)
        token = str(getattr(keys, "primary_key", None) or getattr(keys, "access_token", ""))
        self._doors[place, endpoint_name] = uri, token, time.monotonic() + DOOR_KNOWN_S
        return uri, token

    def _submit_comparison(self, job: ComparisonJob) -> None:
        self._jobs.submit(comparison_job(job, str(code_folder(job.code, self._clients.scope))))

    def _read_comparison(self, job_name: str) -> dict[str, Any]:
        job = self._jobs.find(job_name)
        outputs = getattr(job, "outputs", None) or {}
        path = str(getattr(outputs.get(COMPARISON), "path", "") or "")
        where = path.removeprefix(_DATASTORE).rstrip("/") + "/" if path.startswith(_DATASTORE) else ""
        where = where or folder(job_name, COMPARISON)
        return self._jobs.report(job_name, REPORT_BYTES_MAX, output=COMPARISON, file=REPORT_FILE, where=where)


def comparison_job(job: ComparisonJob, code: str) -> "Command":
    """The job as an entity of the client."""
    inputs: dict[str, Any] = {"candidate": mounted(job.candidate, "custom_model"), "data": mounted(job.data_uri)}
    words = f"python {job.script} --candidate ${{{{inputs.candidate}}}} --data ${{{{inputs.data}}}}"
    if job.baseline:
        inputs["baseline"] = mounted(job.baseline, "custom_model")
        words += " --baseline ${{inputs.baseline}}"
    return command_job(
        job.job_name,
        COMPARISON_LIMIT_S,
        output=COMPARISON,
        display_name=job.job_name,
        experiment_name="comparison",
        command=f"{words} --output ${{{{outputs.{COMPARISON}}}}}",
        code=code,
        environment=job.environment,
        compute=job.compute,
        inputs=inputs,
    )
