"""What a seed's world looks like at first, and what comes in: models, environments, and how well things go."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from shared.application.platform_ports import Place
from tests.fakes.platform import REGISTRY, FakeDeployment
from tests.simulation.circuits import ENVIRONMENT, SimulatedConfig
from tests.simulation.platform import WatchedEnvironments, WatchedPlatform
from tests.support.benches.road import TAGS
from tests.support.builders import a_spec

OLD = "1.5.0"
#: What few circuits were brought to by somebody before: above what the configuration and the fleet's releases name.
AHEAD = ("1.6.0", "2.0.0")
VERSIONS = ("1.5.1", "1.5.2")

#: About how long a model takes to be released in a calm world.
CALM_S = 1200


@dataclass(frozen=True)
class Registration:
    """Event Grid says, once or more, that a model version was registered; else somebody asks for it `by_hand`."""

    event_id: str
    name: str
    version: str
    after_s: float
    by_hand: bool = False


@dataclass(frozen=True)
class EnvironmentRequest:
    """Somebody wants an environment version released."""

    version: str
    after_s: float


@dataclass(frozen=True)
class Scene:
    """`is_mixed` worlds release environments to a small fleet beside models; the others release models only. In a calm
    one most goes well, so that model releases follow environment releases, and each is rolled back after the other."""

    is_mixed: bool
    is_calm: bool
    config: SimulatedConfig
    registrations: tuple[Registration, ...]
    requests: tuple[EnvironmentRequest, ...]

    @property
    def is_quiet(self) -> bool:
        """One environment version and no model: what somebody changes by hand then concerns one release only, if nobody
        releases it again. A second one would record the change by hand as what ran before, and wait for it for ever."""
        return not self.registrations and len({request.version for request in self.requests}) == 1


def circuits_of(rng: random.Random, *, is_mixed: bool) -> tuple[tuple[str, str], ...]:
    """Two to four endpoints with three to eight circuits; without environments two circuits are enough."""
    if not is_mixed:
        return ("P001", "C001"), ("P001", "C002")
    plants = [f"P{number:03}" for number in range(1, rng.randint(2, 4) + 1)]
    circuits = dict.fromkeys(plants, 1)
    least = max(3, len(plants))
    for _ in range(min(rng.randint(least, 8), rng.randint(least, 8)) - len(plants)):
        circuits[rng.choice(plants)] += 1
    return tuple((plant, f"C{number:03}") for plant in plants for number in range(1, circuits[plant] + 1))


def set_the_scene(
    rng: random.Random, platform: WatchedPlatform, environments: WatchedEnvironments, *, is_mixed: bool, is_calm: bool
) -> Scene:
    """Fills production and the dev workspace, and decides what will come in."""
    config = SimulatedConfig.of(rng, circuits_of(rng, is_mixed=is_mixed))
    for version in (OLD, *AHEAD):
        platform.registry[f"{REGISTRY}/environments/{ENVIRONMENT}/versions/{version}"] = "environment"
    platform.reads_in_progress = rng.choice((0, 0, 1, 2) if is_mixed else (0, 1, 2))
    platform.operation_s = rng.choice((0, 10, 60))
    platform.share_s = rng.choice((0, 0, 50, 95))
    for circuit in config.circuits:
        _something_runs(rng, platform, config, circuit)
    if not is_calm:
        _things_go_wrong(rng, platform, environments, config, is_mixed=is_mixed)
    requests = _requests(rng, environments) if is_mixed else ()
    least, most = (2, 4) if is_calm else (0, 2) if is_mixed else (1, 3)
    models = rng.randint(least, most)
    registrations = _registrations(rng, platform, config, _come_in(rng, models, is_calm=is_calm))
    return Scene(is_mixed=is_mixed, is_calm=is_calm, config=config, registrations=registrations, requests=requests)


def _something_runs(
    rng: random.Random, platform: WatchedPlatform, config: SimulatedConfig, circuit: tuple[str, str]
) -> None:
    """Production runs an older version, which no release of this world brought; sometimes put back by an older one."""
    plan = config.plan(*circuit)
    if plan is None or rng.random() < 0.2:
        return
    model = f"{REGISTRY}/models/{plan.registry_model_name}/versions/0"
    tags = {"model_version": "0", "release_id": "rel-before"}
    version = rng.choice(AHEAD) if rng.random() < 0.05 else OLD
    spec = a_spec(
        endpoint_name=plan.endpoint_name,
        deployment_name=plan.deployment_name,
        model=model,
        environment=f"{REGISTRY}/environments/{ENVIRONMENT}/versions/{version}",
        environment_variables={"PLANT_ID": circuit[0], "CIRCUIT_ID": circuit[1], "MODEL_VERSION": "0"},
        tags={**tags, "restored_by_release": "rel-older"} if rng.random() < 0.1 else tags,
    )
    platform.registry[model] = "older"
    platform.deployments[Place.PRODUCTION, plan.endpoint_name, plan.deployment_name] = FakeDeployment(spec=spec)


def _things_go_wrong(
    rng: random.Random,
    platform: WatchedPlatform,
    environments: WatchedEnvironments,
    config: SimulatedConfig,
    *,
    is_mixed: bool,
) -> None:
    """Jobs that fail, deployments that do not come up, models that do not like the new environment."""
    platform.job_status = rng.choice((*["Completed"] * (30 if is_mixed else 8), "Failed", "Canceled"))
    if rng.random() < 0.15:
        platform.fail_deployments = {rng.choice((Place.TEST, Place.PRODUCTION))}
    platform.samples_fail = rng.random() < 0.3
    platform.outputs_fail = rng.random() < 0.5
    if not is_mixed:
        return
    for plant, circuit in config.circuits:
        dice = rng.random()
        if dice < 0.1:
            environments.verdicts[f"{plant}/{circuit}"] = "changed"
        elif dice < 0.11:
            environments.verdicts[f"{plant}/{circuit}"] = "failed"
        elif dice < 0.12:
            environments.failing.add(f"{plant}/{circuit}")
        elif dice < 0.13:
            environments.texts[f"{plant}/{circuit}"] = rng.choice(("{}", "[]", "not JSON"))
    platform.breaking = {key for key in platform.deployments if rng.random() < 0.03}


def _requests(rng: random.Random, environments: WatchedEnvironments) -> tuple[EnvironmentRequest, ...]:
    """One or two versions, asked for once or more."""
    wanted = []
    for version in VERSIONS[: rng.choice((1, 1, 2))]:
        problem = {"backward_compatible": "maybe"} if rng.random() < 0.03 else {}
        environments.add_environment(ENVIRONMENT, version, {**TAGS, "source_code_version": version, **problem})
        wanted += [EnvironmentRequest(version, rng.uniform(0, 400)) for _ in range(rng.choice((1, 1, 2)))]
    return tuple(wanted)


def _come_in(rng: random.Random, models: int, *, is_calm: bool) -> list[float]:
    """When each version comes in, after so many seconds. In a calm world they follow each other, mostly after the one
    before was released, so that there is a history to go back in; else any may come first, and some at once."""
    if not is_calm:
        return [rng.choice((0, rng.uniform(0, 400))) for _ in range(models)]
    return [rng.uniform(0.6, 1.2) * CALM_S * number for number in range(models)]


def _registrations(
    rng: random.Random, platform: WatchedPlatform, config: SimulatedConfig, times_s: Sequence[float]
) -> tuple[Registration, ...]:
    """Versions of few circuits, so that releases meet; each event comes once or more."""
    circuits = [rng.choice(config.circuits) for _ in range(2)] if len(config.circuits) > 2 else list(config.circuits)
    found = []
    for number, after_s in enumerate(times_s):
        plant, circuit = rng.choice((circuits[0], circuits[0], circuits[1]))
        name, version = f"sensor_model_{plant}_{circuit}", str(number + 1)
        tags = {"plant_id": plant, "circuit_id": circuit, "pr_author": "author@example.com"}
        if rng.random() < 0.95:
            platform.add_model(name, version, tags if rng.random() < 0.95 else {})
        for copy in range(rng.randint(1, 3)):
            event_id = f"event-{number}-{copy if rng.random() < 0.5 else 0}"
            found.append(Registration(event_id, name, version, after_s + rng.uniform(0, 400), rng.random() < 0.1))
    return tuple(found)
