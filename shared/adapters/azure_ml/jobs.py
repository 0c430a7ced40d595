"""Test inference: invoking a batch deployment, looking at its job, cancelling it.

See docs/azure-facts.md#threads-and-retries: `invoke` keeps its headers in one dictionary for the whole process, so it
always names the deployment and runs one at a time. On a lost connection it posts up to five times with one request id,
by which the service recognises the repetition.
"""

from azure.core.exceptions import AzureError, ResourceNotFoundError

from shared.adapters.azure_ml.clients import AzureMlClients
from shared.adapters.azure_ml.errors import translated
from shared.adapters.azure_ml.specs import service_name
from shared.adapters.azure_ml.values import word
from shared.application.errors import PlatformErrored, PlatformOutcomeUnknown, PlatformRefused
from shared.application.platform_ports import JobState, Place
from shared.domain.job_ends import ended
from shared.domain.release.model import DeploymentSpec


class AzureMlJobs:
    """The blocking calls about jobs; each runs in the pool."""

    def __init__(self, clients: AzureMlClients) -> None:
        self._clients = clients

    def invoke(self, place: Place, spec: DeploymentSpec, input_uri: str) -> str:
        from azure.ai.ml import Input

        client = self._clients.of(place)
        what = f"deployment {spec.endpoint_name}/{spec.deployment_name} in {place.value}"
        try:
            with self._clients.invoking:
                job = client.batch_endpoints.invoke(
                    service_name(spec.endpoint_name),
                    deployment_name=service_name(spec.deployment_name),
                    input=Input(type="uri_folder", path=input_uri),
                )
        except AzureError as error:
            problem = translated(error, f"{what} could not be invoked", sent=True)
            if isinstance(problem, PlatformOutcomeUnknown):  # the claim of the test says what follows from that
                raise PlatformErrored(f"{problem}; whether a job was started is unknown") from error
            raise problem from error
        if not job.name:
            raise PlatformErrored(f"{what} was invoked and the answer names no job")
        return str(job.name)

    def get(self, place: Place, job_name: str) -> JobState | None:
        try:
            job = self._clients.of(place).jobs.get(job_name)
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise translated(error, f"job {job_name} in {place.value} could not be read") from error
        return JobState(status=word(job.status) or "Unknown", detail=f"see {self._studio_url(place, job_name)}")

    def cancel(self, place: Place, job_name: str) -> None:
        state = self.get(place, job_name)
        if state is None or ended(state.status):
            return
        try:
            self._clients.of(place).jobs.begin_cancel(job_name)
        except AzureError as error:
            problem = translated(error, f"job {job_name} in {place.value} could not be cancelled")
            if isinstance(problem, PlatformRefused) and self._has_ended(place, job_name):
                return
            raise problem from error

    def _has_ended(self, place: Place, job_name: str) -> bool:
        state = self.get(place, job_name)
        return state is None or bool(ended(state.status))

    def _studio_url(self, place: Place, job_name: str) -> str:
        """Where people find the job with its logs; built here, so that it is the same every time the job is read."""
        scope = self._clients.scope
        workspace = scope.arm_id(scope.workspace(place))
        return f"https://ml.azure.com/runs/{job_name}?wsid={workspace}&tid={scope.tenant_id}"
