"""What the tests of effects have in common: a release in its step, the command of that step, and the answers."""

from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.model import Phase, Release
from shared.domain.release.steps import step_commands
from tests.support.benches.release import Bench
from tests.support.builders import RELEASE_ID, a_release

KEY = "P001-C001"
CANDIDATE_TAGS = {"plant_id": "P001", "circuit_id": "C001"}


def answers(bench: Bench) -> list[e.Event]:
    return [event for _, event, _ in bench.events.sent]


def only_answer(bench: Bench) -> e.Event:
    (event,) = answers(bench)
    return event


def step(release: Release) -> c.Command:
    """The command that carries the release's current phase out."""
    (command,) = step_commands(release)
    return command


async def deploying(bench: Bench, phase: Phase = Phase.DEPLOYING_PRODUCTION) -> Release:
    """A release that is about to deploy, holds its circuit and whose model is in the registry."""
    release = await bench.put(a_release(phase))
    lock = await bench.locks.acquire(KEY, RELEASE_ID, bench.clock.now())
    assert lock.epoch == release.target.epoch
    bench.platform.registry[release.registry_model_id] = "model"
    return release
