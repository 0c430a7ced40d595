"""Azure ML in the simulation: changes take their time, land late or never, and somebody changes things by hand.

Every change to production is judged at the moment it lands.
"""

import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from shared.application.errors import PlatformBusy, PlatformRefused, PortError
from shared.application.platform_ports import CompatibilityJob, DeploymentState, Place
from shared.domain.predictions import Predicted
from shared.domain.release.model import DeploymentSpec
from tests.fakes.clock import FakeClock
from tests.fakes.environment_platform import MemoryEnvironmentPlatform
from tests.fakes.platform import PREDICTED, REGISTRY, DeploymentKey, FakeDeployment, MemoryModelPlatform
from tests.simulation.scheduler import pause

#: What a job that Azure ML calls completed may leave: nothing, no rows, NaN, part of a day, nothing readable.
BAD_OUTPUTS = (
    None,
    replace(PREDICTED, rows=0, columns={}),
    replace(PREDICTED, no_numbers=3),
    replace(PREDICTED, other_days=12),
    PlatformRefused("no Parquet file"),
)


def brought_by(spec: DeploymentSpec) -> tuple[str, bool]:
    """Which release brought `spec`, and whether it did so by putting back."""
    restored_by = spec.tags.get("restored_by_release")
    return (restored_by, True) if restored_by else (spec.tags.get("release_id", ""), False)


def place_of(spec: DeploymentSpec) -> DeploymentKey:
    """Where production runs it."""
    return Place.PRODUCTION, spec.endpoint_name, spec.deployment_name


@dataclass
class Operation:
    """A change of a deployment that Azure ML accepted and still works on."""

    deployment_name: str
    until: datetime


class WatchedPlatform(MemoryModelPlatform):
    """One operation per endpoint at a time, each of them `operation_s` seconds at most; `judge` sees every change. What
    the registry does not have yet takes `share_s` seconds to be shared, whoever asks again meanwhile.

    `breaking` are deployments that may end as failed; `meddled` says what ran where somebody changed it by hand, and
    `ever_meddled` where that ever happened. `invoked` counts the jobs that were started in production; some of
    those end badly while `samples_fail`. While `outputs_fail`, some jobs complete and leave something of no use, or
    nothing, or nothing that can be read: `of_no_use`.
    """

    def __init__(self, clock: FakeClock, rng: random.Random) -> None:
        super().__init__()
        self.operation_s = 0
        self.share_s = 0.0
        self.breaking: set[DeploymentKey] = set()
        self.meddled: dict[DeploymentKey, FakeDeployment] = {}
        self.ever_meddled: set[DeploymentKey] = set()
        self.invoked: Counter[DeploymentKey] = Counter()
        self.samples_fail = False
        self.outputs_fail = False
        self.of_no_use: dict[tuple[Place, str], Predicted | PortError | None] = {}
        self.judge: Callable[[DeploymentSpec], None] = lambda spec: None
        self.was_read: Callable[[DeploymentSpec], None] = lambda spec: None
        self._clock = clock
        self._rng = rng
        self._shares: dict[str, datetime] = {}
        self._operations: dict[tuple[Place, str], Operation] = {}

    def busy(self, place: Place, endpoint_name: str) -> str:
        """The deployment that is being changed on the endpoint; empty when none is."""
        operation = self._operations.get((place, endpoint_name))
        return operation.deployment_name if operation and operation.until > self._clock.now() else ""

    async def promote_model(self, workspace: str, name: str, version: str, registry_name: str) -> str:
        await self._share(f"{REGISTRY}/models/{registry_name}/versions/{version}")
        return await super().promote_model(workspace, name, version, registry_name)

    async def promote_environment(self, workspace: str, name: str, version: str) -> str:
        await self._share(f"{REGISTRY}/environments/{name}/versions/{version}")
        return await super().promote_environment(workspace, name, version)

    async def _share(self, asset_id: str) -> None:
        """Whoever asks first waits for the end; it comes all the same when the worker dies before."""
        if asset_id in self.registry or not self.share_s:
            return
        if asset_id not in self._shares:
            self._shares[asset_id] = self._clock.now() + timedelta(seconds=self.share_s)
            await pause(self.share_s)
        if self._clock.now() < self._shares[asset_id]:
            raise PlatformBusy(f"{asset_id} is being shared")

    async def get_deployment(self, place: Place, endpoint_name: str, deployment_name: str) -> DeploymentState | None:
        state = await super().get_deployment(place, endpoint_name, deployment_name)
        if state and self.busy(place, endpoint_name) == deployment_name:
            return replace(state, provisioning="Updating")
        if place is Place.PRODUCTION and state and state.provisioning == "Succeeded":
            self.was_read(state.spec)
        return state

    async def put_deployment(self, place: Place, spec: DeploymentSpec) -> None:
        if self.busy(place, spec.endpoint_name):
            raise PlatformBusy(f"409: another operation of {spec.endpoint_name} is in progress")
        await super().put_deployment(place, spec)

    async def invoke(self, place: Place, spec: DeploymentSpec, input_uri: str) -> str:
        job_name = await super().invoke(place, spec, input_uri)
        if self.outputs_fail and self._rng.random() < 0.4:
            self.of_no_use[place, job_name] = self._rng.choice(BAD_OUTPUTS)
        if place is Place.PRODUCTION:
            self.invoked[place_of(spec)] += 1
            if self.samples_fail and self._rng.random() < 0.3:
                self.jobs[place, job_name].status = self._rng.choice(("Failed", "Canceled"))
        return job_name

    async def predictions(
        self, place: Place, job_name: str, plant_id: str, circuit_id: str, day: date | None = None
    ) -> Predicted | None:
        if (place, job_name) not in self.of_no_use:
            return await super().predictions(place, job_name, plant_id, circuit_id, day)
        left = self.of_no_use[place, job_name]
        if isinstance(left, PortError):
            raise left
        return left

    def did_its_work(self, place: Place, job_name: str) -> bool:
        """Whether the job completed, and left predictions of use."""
        job = self.jobs.get((place, job_name))
        return job is not None and job.status == "Completed" and (place, job_name) not in self.of_no_use

    def land_late(self, place: Place, spec: DeploymentSpec) -> None:
        """A request that nobody got an answer to arrives at last; a busy endpoint refuses it."""
        if not self.busy(place, spec.endpoint_name):
            self.apply_put(place, spec)

    def apply_put(self, place: Place, spec: DeploymentSpec) -> None:
        if place is Place.PRODUCTION:
            self.judge(spec)
        super().apply_put(place, spec)
        key = (place, spec.endpoint_name, spec.deployment_name)
        if key in self.breaking and self._rng.random() < 0.7:
            self.deployments[key].outcome = "Failed"
        until = self._clock.now() + timedelta(seconds=self._rng.uniform(0, self.operation_s))
        self._operations[place, spec.endpoint_name] = Operation(spec.deployment_name, until)

    def meddle(self, key: DeploymentKey, *, delete: bool) -> None:
        """Somebody changes or deletes a production deployment by hand."""
        if key in self.meddled or key not in self.deployments:
            return
        self.meddled[key] = deployment = self.deployments[key]
        self.ever_meddled.add(key)
        if delete:
            del self.deployments[key]
        else:
            foreign = replace(deployment.spec, mini_batch_size=deployment.spec.mini_batch_size + 1, tags={})
            self.deployments[key] = FakeDeployment(spec=foreign)

    def is_meddled(self, key: DeploymentKey) -> bool:
        """Whether what runs there now is somebody else's."""
        current = self.deployments.get(key)
        return key in self.meddled and (current is None or not brought_by(current.spec)[0])

    def mend(self) -> None:
        """Whoever changed something by hand puts it back as it was; nothing breaks any more."""
        for key in [key for key in self.meddled if self.is_meddled(key)]:
            self.deployments[key] = replace(self.meddled[key], outcome="Succeeded", reads_left=0)
        self.meddled.clear()
        self.breaking.clear()
        self.fail_deployments.clear()
        self.job_status = "Completed"
        self.samples_fail = self.outputs_fail = False


class WatchedEnvironments(MemoryEnvironmentPlatform):
    """Jobs that nobody got an answer to may be submitted late."""

    def submit_late(self, job: CompatibilityJob) -> None:
        """The request arrives at last."""
        with suppress(PlatformRefused, StopIteration):
            self.submit_check(job).send(None)  # the fake awaits nothing, so that one step ends it
