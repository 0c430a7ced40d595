"""Every command, where Azure ML is still busy with what it wants: the answer waits, and is never a fault."""

from dataclasses import replace

import pytest

from shared.application.carry_out import VERBS, carry_out
from shared.application.errors import PlatformBusy
from shared.application.online_platform import ComparisonJob
from shared.application.platform_ports import CompatibilityJob, DeploymentState, Place
from shared.domain.fleet.lanes import WORK, begin
from shared.domain.online.machine import DEPLOYING
from shared.domain.online.model import EndpointFound, Shares, Side, SlotSpec
from shared.domain.online.specs import wanted_slot
from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.model import DeploymentSpec, Kind, Phase, Release
from shared.domain.release.steps import look_due, step_commands
from tests.fakes.environment_platform import MemoryEnvironmentPlatform
from tests.fakes.online_platform import MemoryOnlinePlatform
from tests.fakes.platform import FakeDeployment, MemoryModelPlatform
from tests.support.all_steps import STEPS, in_phase
from tests.support.benches.online import PLACES, a_slot
from tests.support.benches.release import Bench
from tests.support.benches.road import NAME, NEW, fleet_in_production
from tests.support.benches.steps import CANDIDATE_TAGS, answers
from tests.support.builders import NOW, RELEASE_ID, a_candidate, a_fleet_release, a_release

BUSY = PlatformBusy("409: another operation is in progress")


class BusyPlatform(MemoryModelPlatform):
    """Whatever changes something meets other work; with `reads`, deployments are seen in the middle of a change."""

    def __init__(self) -> None:
        super().__init__()
        self.is_busy = False
        self.reads = False

    async def promote_model(self, workspace: str, name: str, version: str, registry_name: str) -> str:
        self._meet()
        return await super().promote_model(workspace, name, version, registry_name)

    async def promote_environment(self, workspace: str, name: str, version: str) -> str:
        self._meet()
        return await super().promote_environment(workspace, name, version)

    async def put_deployment(self, place: Place, spec: DeploymentSpec) -> None:
        self._meet()
        await super().put_deployment(place, spec)

    async def invoke(self, place: Place, spec: DeploymentSpec, input_uri: str) -> str:
        self._meet()
        return await super().invoke(place, spec, input_uri)

    async def get_deployment(self, place: Place, endpoint_name: str, deployment_name: str) -> DeploymentState | None:
        state = await super().get_deployment(place, endpoint_name, deployment_name)
        return replace(state, provisioning="Updating") if state and self.is_busy and self.reads else state

    def _meet(self) -> None:
        if self.is_busy:
            raise BUSY


class BusyEnvironments(MemoryEnvironmentPlatform):
    """Nor are checks taken meanwhile."""

    async def submit_check(self, job: CompatibilityJob) -> None:
        if isinstance(self.models, BusyPlatform) and self.models.is_busy:
            raise BUSY
        await super().submit_check(job)


class BusyOnline(MemoryOnlinePlatform):
    """The same of online endpoints."""

    async def get_endpoint(self, place: Place, endpoint_name: str) -> EndpointFound | None:
        found = await super().get_endpoint(place, endpoint_name)
        busy = isinstance(self.models, BusyPlatform) and self.models.is_busy and self.models.reads
        return replace(found, provisioning="Updating") if found and busy else found

    async def put_slot(self, place: Place, spec: SlotSpec) -> None:
        self._meet()
        await super().put_slot(place, spec)

    async def delete_slot(self, place: Place, endpoint_name: str, slot: str) -> None:
        self._meet()
        await super().delete_slot(place, endpoint_name, slot)

    async def set_traffic(self, place: Place, endpoint_name: str, traffic: Shares, mirror: Shares) -> None:
        self._meet()
        await super().set_traffic(place, endpoint_name, traffic, mirror)

    async def submit_comparison(self, job: ComparisonJob) -> None:
        self._meet()
        await super().submit_comparison(job)

    def _meet(self) -> None:
        if isinstance(self.models, BusyPlatform) and self.models.is_busy:
            raise BUSY


@pytest.fixture
def platform() -> BusyPlatform:
    return BusyPlatform()


@pytest.fixture
def bench(platform: BusyPlatform) -> Bench:
    """A fleet in production and a model in the dev workspace, on a platform that can be busy."""
    bench = Bench(platform=platform)
    bench.environments = BusyEnvironments(platform)
    bench.online = BusyOnline(platform)
    return fleet_in_production(bench)


async def in_step(bench: Bench, kind: Kind, phase: Phase) -> tuple[Release, tuple[c.Command, ...]]:
    """The release in its step as far as Azure ML and the locks know it, and the commands that carry the step out."""
    release = in_phase(kind, phase)
    if release.targets and phase is not Phase.WAITING_FOR_CIRCUIT:
        await bench.locks.acquire(release.target.key, RELEASE_ID, NOW)
    if kind is Kind.ONLINE:
        release = await _online_in_step(bench, release)
    elif kind is Kind.MODEL:
        candidate = a_candidate()
        bench.platform.add_model(candidate.name, candidate.version, CANDIDATE_TAGS)
        model = bench.platform.models[candidate.name, candidate.version]
        if release.candidate:
            release = replace(release, candidate=replace(release.candidate, fingerprint=model.fingerprint))
    elif release.candidate:
        found = bench.environments.environments[NAME, NEW]
        release = replace(release, candidate=replace(release.candidate, fingerprint=found.fingerprint))
    for target in release.fleet:
        await bench.locks.acquire(target.key, RELEASE_ID, NOW)
        key = (Place.PRODUCTION, target.previous.endpoint_name, target.previous.deployment_name)
        bench.platform.deployments[key] = FakeDeployment(spec=target.previous)
    if release.undoes:
        await bench.put(replace(a_fleet_release(Phase.WATCHING), release_id=release.undoes))
    if phase in WORK:
        release, commands = begin(release, NOW)
    else:
        commands = step_commands(release)
    await bench.put(release)
    return release, commands


async def _online_in_step(bench: Bench, release: Release) -> Release:
    """Both endpoints serve by another slot, and the locks are the release's own."""
    bench.platform.add_model("taxi-fare", "2", {})
    fingerprint = bench.platform.models["taxi-fare", "2"].fingerprint
    for key in release.epochs:
        await bench.locks.acquire(key, RELEASE_ID, NOW)
    for side in Side:
        specs = [a_slot(side, "old", "1")]
        if release.online and release.online.rollout(side) and release.phase not in DEPLOYING:
            specs.append(wanted_slot(release, side))
        bench.online.serves(PLACES[side], specs[0].endpoint_name, {"old": 100}, *specs)
    candidate = release.candidate
    return replace(release, candidate=replace(candidate, fingerprint=fingerprint)) if candidate else release


@pytest.mark.parametrize("reads", [False, True])
@pytest.mark.parametrize(("kind", "phase"), [(kind, phase) for kind, phase in STEPS if phase is not Phase.SETTLING])
async def test_a_command_that_azure_ml_is_not_ready_for_waits(
    bench: Bench, platform: BusyPlatform, kind: Kind, phase: Phase, reads: bool
) -> None:
    """A new step cannot forget it: whatever its command calls, other work in the way is no fault of the step."""
    _, commands = await in_step(bench, kind, phase)
    if phase is Phase.TESTING:
        spec = next(command.spec for command in commands if isinstance(command, c.StartTest))
        bench.platform.deployments[Place.TEST, spec.endpoint_name, spec.deployment_name] = FakeDeployment(spec=spec)
    platform.is_busy, platform.reads = True, reads

    for command in commands:
        await carry_out(command, bench.ports)

    assert commands
    assert platform.puts == []
    for event in answers(bench):
        assert not isinstance(event, e.StepErrored | e.StepFailed | e.StepBlocked), event
        if isinstance(event, e.TargetAnswered):
            assert event.outcome in (e.Outcome.BUSY, e.Outcome.PENDING, e.Outcome.TAKEN), event


def test_the_table_has_every_command_that_carries_a_step_out() -> None:
    """Looks and what follows an end are the only others."""
    carried = {type(command) for kind, phase in STEPS for command in step_commands(in_phase(kind, phase))}
    begun = [begin(in_phase(kind, phase), NOW)[1] for kind, phase in STEPS if phase in WORK]
    worked = {type(command) for commands in begun for command in commands}
    others = {
        c.ObserveDeployment,
        c.ObserveTest,
        c.ObserveComparison,
        c.CountBatchJobs,
        c.ReadRestored,
        c.FreeCircuit,
        c.FreeFleet,
        c.CancelTest,
        c.CancelChecks,
        c.MarkRolledBack,
        c.ProposeEnvironment,
        c.PublishFact,
    }
    assert carried | worked == set(VERBS) - others


async def test_a_test_that_could_not_be_started_yet_is_started_by_the_next_look(
    bench: Bench, platform: BusyPlatform
) -> None:
    """The claim is given back: nothing was started, so nobody has to wait out whether it was (I14)."""
    _, (command,) = await in_step(bench, Kind.MODEL, Phase.TESTING)
    assert isinstance(command, c.StartTest)
    key = (Place.TEST, command.spec.endpoint_name, command.spec.deployment_name)
    platform.deployments[key] = FakeDeployment(spec=command.spec)
    platform.is_busy = True
    await carry_out(command, bench.ports)
    platform.is_busy = False
    await carry_out(command, bench.ports)

    first, second = answers(bench)
    assert isinstance(first, e.StepBusy)
    assert isinstance(second, e.TestStarted)
    assert len(platform.jobs) == 1


async def test_a_sample_inference_that_could_not_be_started_yet_is_started_by_the_next_look(
    bench: Bench, platform: BusyPlatform
) -> None:
    """The same for what was put back."""
    _, commands = await in_step(bench, Kind.ROLLBACK, Phase.VERIFYING_ROLLBACK)
    platform.is_busy = True
    await carry_out(commands[0], bench.ports)
    platform.is_busy = False
    await carry_out(commands[0], bench.ports)

    first, second = answers(bench)
    assert isinstance(first, e.TargetAnswered)
    assert isinstance(second, e.TargetAnswered)
    assert (first.outcome, second.outcome) == (e.Outcome.BUSY, e.Outcome.DONE)
    assert len(platform.jobs) == 1


class SlowRegistry(MemoryModelPlatform):
    """A share is under way for `shares_left` more requests of it."""

    shares_left = 0

    async def promote_model(self, workspace: str, name: str, version: str, registry_name: str) -> str:
        if self.shares_left > 0:
            self.shares_left -= 1
            raise PlatformBusy(f"model {name}:{version} is being shared to the registry")
        return await super().promote_model(workspace, name, version, registry_name)


async def promoting(shares: int) -> Bench:
    bench = Bench(platform=(platform := SlowRegistry()))
    platform.shares_left = shares
    release = a_release(Phase.PROMOTING)
    candidate = release.candidate
    assert candidate
    platform.add_model(candidate.name, candidate.version, {"plant_id": "P001", "circuit_id": "C001"})
    fingerprint = platform.models[candidate.name, candidate.version].fingerprint
    release = replace(release, candidate=replace(candidate, fingerprint=fingerprint))
    await bench.put(release)
    await bench.events.publish(look_due(release), at=release.look_at)
    await bench.commands.send(*step_commands(release))
    return bench


async def test_a_share_that_takes_many_looks_costs_no_attempt() -> None:
    """The first release in a slow registry is promoted, minutes later."""
    bench = await promoting(shares=9)
    await bench.run_until(RELEASE_ID, Phase.DEPLOYING_TEST)

    release = bench.release(RELEASE_ID)
    assert (release.faults, release.attempt) == (0, 1)
    notes = [entry.note for entry in await bench.store.history(RELEASE_ID)]
    assert [note for note in notes if "is being shared" in note] == [
        "not yet: model sensor-model-P001-C001:7 is being shared to the registry"
    ]
