"""Batch deployments and their endpoints: read in full, put without waiting for the outcome, invoked.

One endpoint per plant (R-FLEET-3), one deployment per circuit (R-FLEET-4). A PUT replaces everything, the last writer
wins, an endpoint takes one operation at a time (docs/azure-facts.md#assets-deployments-and-jobs).
"""

import uuid
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import AzureError, ResourceNotFoundError

from shared.adapters.azure_ml.clients import AzureMlClients
from shared.adapters.azure_ml.errors import status_of, translated
from shared.adapters.azure_ml.predictions import batch_outputs
from shared.adapters.azure_ml.sent_marker import sent_marker
from shared.adapters.azure_ml.specs import entity_of, service_name, spec_of
from shared.adapters.azure_ml.values import word
from shared.application.errors import PlatformBusy, PlatformErrored, PlatformOutcomeUnknown
from shared.application.platform_ports import DeploymentState, Place
from shared.domain.release.model import DeploymentSpec

if TYPE_CHECKING:
    from azure.ai.ml import MLClient
    from azure.ai.ml.entities import ModelBatchDeployment

ENDPOINT_WAIT_S = 30
"""How long the creation of a plant's endpoint is waited for, once in the plant's life.

It usually takes less than a minute. What is not ready then is left to the step's next look, so that no thread is kept
longer.
"""


_OF_THE_ENDPOINT = (400, 404, 409)
"""How the service refuses a deployment whose endpoint is missing, failed or busy; and much else."""


class AzureMlDeployments:
    """The blocking calls about deployments; each runs in the pool."""

    def __init__(self, clients: AzureMlClients) -> None:
        self._clients = clients

    def get(self, place: Place, endpoint_name: str, deployment_name: str) -> DeploymentState | None:
        client = self._clients.of(place)
        try:
            deployment = client.batch_deployments.get(service_name(deployment_name), service_name(endpoint_name))
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            what = f"deployment {endpoint_name}/{deployment_name} in {place.value} could not be read"
            raise translated(error, what) from error
        provisioning = word(deployment.provisioning_state) or "Unknown"
        spec = spec_of(deployment, endpoint_name, deployment_name)
        return DeploymentState(spec=spec, provisioning=provisioning)

    def put(self, place: Place, spec: DeploymentSpec) -> None:
        """Returns when the service accepted the change.

        The endpoint is looked at only after a no that it may have caused: in a fleet it is there, and a read before
        each change would keep every deployment waiting. Until the PUT itself is on the wire nothing can have changed,
        so that a fault of the reads and uploads before it is no unknown outcome.
        """
        workspace = self._clients.scope.workspace(place)
        client = self._clients.of(place)
        entity = entity_of(spec, self._clients.scope, workspace)
        what = f"deployment {spec.endpoint_name}/{spec.deployment_name} in {place.value} could not be changed"
        refused = _submit(client, entity)
        if status_of(refused) in _OF_THE_ENDPOINT and _prepare_endpoint(client, spec.endpoint_name, place):
            refused = _submit(client, entity)
        if refused is not None:
            raise translated(refused, what, sent=sent_marker.sent) from refused

    def invoke(self, place: Place, spec: DeploymentSpec, input_uri: str) -> str:
        """Starts a job on exactly this deployment; returns its name, by which its predictions are found."""
        name = f"batchjob-{uuid.uuid4()}"
        return self.start_job(
            place, spec.endpoint_name, spec.deployment_name, input_uri, outputs=batch_outputs(name), job_name=name
        )

    def start_job(self, place: Place, endpoint_name: str, deployment_name: str, input_uri: str, **options: Any) -> str:
        """The same, with further options of the client: a name and outputs of the job.

        See docs/azure-facts.md#threads-and-retries: the client keeps its headers for `invoke` in one dictionary for the
        whole process, so the deployment is always named and one call runs at a time. On a lost connection the client
        posts up to five times with one request id, by which the service recognises the repetition.
        """
        from azure.ai.ml import Input

        client = self._clients.of(place)
        what = f"deployment {endpoint_name}/{deployment_name} in {place.value}"
        try:
            with self._clients.invoking:
                job = client.batch_endpoints.invoke(
                    service_name(endpoint_name),
                    deployment_name=service_name(deployment_name),
                    input=Input(type="uri_folder", path=input_uri),
                    **options,
                )
        except AzureError as error:
            problem = translated(error, f"{what} could not be invoked", sent=True)
            if isinstance(problem, PlatformOutcomeUnknown):  # who asked knows whether it may be asked again
                raise PlatformErrored(f"{problem}; whether a job was started is unknown") from error
            raise problem from error
        if not job.name:
            raise PlatformErrored(f"{what} was invoked and the answer names no job")
        return str(job.name)


def _submit(client: "MLClient", entity: "ModelBatchDeployment") -> AzureError | None:
    """Sends the change; returns what went wrong. `sent_marker` says whether it went out."""
    sent_marker.sent = False
    try:
        client.batch_deployments.begin_create_or_update(entity)
    except AzureError as error:
        return error
    return None


def _prepare_endpoint(client: "MLClient", name: str, place: Place) -> bool:
    """Creates or repairs the endpoint; false when it was ready. Raises PlatformBusy unless it then takes a change."""
    what = f"endpoint {name} in {place.value}"
    try:
        state = before = _state(client, name)
        if before in ("", "failed", "canceled"):
            state = _create(client, name)
    except AzureError as error:
        raise translated(error, f"{what} could not be prepared") from error
    if state != "succeeded":
        raise PlatformBusy(f"{what} is {state}")
    return state != before


def _state(client: "MLClient", name: str) -> str:
    """The endpoint's provisioning state in lower case; empty where there is none."""
    try:
        endpoint = client.batch_endpoints.get(service_name(name))
    except ResourceNotFoundError:
        return ""
    return word(endpoint.provisioning_state).lower() or "unknown"


def _create(client: "MLClient", name: str) -> str:
    """Create the endpoint, or repair one whose creation failed, and wait a little; returns its state."""
    from azure.ai.ml.entities import BatchEndpoint

    endpoint = BatchEndpoint(name=service_name(name), description="Circuits of one plant, released by Switchyard")
    poller = client.batch_endpoints.begin_create_or_update(endpoint)
    poller.wait(ENDPOINT_WAIT_S)
    return "succeeded" if poller.done() else "being created"
