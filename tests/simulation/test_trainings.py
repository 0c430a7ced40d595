"""Seeded schedules of training: calls fail before or after they act, processes die between any two of them, messages
are lost, doubled and handled at once. Afterwards everything must have ended, and nothing may have happened twice."""

import asyncio
import random
from collections import Counter
from typing import Any

import pytest

from shared.application.errors import PlatformErrored, TransientFault
from shared.application.training.looked_after import looked_after, nets
from shared.application.training.people import abort_training
from shared.application.training.ports import TrainingPorts
from shared.application.training.start import request_trainings
from shared.application.work.look import look_at
from shared.application.work.sweep import sweep
from shared.domain.errors import DomainError
from shared.domain.training.limits import TrainingLimits
from shared.domain.training.model import Phase
from tests.fakes.training import FixedTrainingConfig
from tests.support.benches.training import ENGINEER, TrainingBench, a_request

SEEDS = 25
FAULTY_STEPS, STEPS_MAX = 250, 4000
PARALLEL_MAX = 3


class Crash(BaseException):
    """The process died."""


class Faulty:
    """A port whose calls take turns with others, fail, or take the process with them, before or after they acted."""

    def __init__(self, world: "World", inner: Any, faults: tuple[type[BaseException], ...]) -> None:
        self._world, self._inner, self._faults = world, inner, faults

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        async def call(*arguments: Any, **options: Any) -> Any:
            await self._world.maybe(self._faults)
            result = await method(*arguments, **options)
            await self._world.maybe(self._faults)
            return result

        return call


class World:
    """Everything of one seed."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.rate = 0.06
        circuits = [a_request(f"C{number:03}") for number in range(1, 8)]
        self.bench = TrainingBench(config=FixedTrainingConfig(circuits, TrainingLimits(parallel_max=PARALLEL_MAX)))
        self.bench.platform.decide = lambda _: self.rng.choice(
            [
                (self.rng.uniform(20, 900), "Completed", ""),
                (self.rng.uniform(20, 900), "Completed", ""),
                (self.rng.uniform(5, 300), "NotResponding", ""),
                (self.rng.uniform(5, 300), "Failed", "NoRowsError: no rows"),
                (10 * 86_400, "Completed", ""),  # hangs
            ]
        )
        self.bench.platform.cancels_in = lambda: self.rng.choice([5, 60, 7200])  # the last one outlives its run
        self.requests = [*circuits, *(a_request(each.circuit_id, commit="9" * 40) for each in circuits[:3])]
        b = self.bench
        self.ports = TrainingPorts(
            clock=b.clock,
            runs=self._faulty(b.runs),
            slots=self._faulty(b.slots),
            queue=self._faulty(b.queue),
            platform=self._faulty(b.platform, PlatformErrored),
            artifacts=self._faulty(b.artifacts),
            facts=self._faulty(b.facts),
            findings=self._faulty(b.findings),
            config=b.config,
        )

    def _faulty(self, port: Any, *faults: type[BaseException]) -> Any:
        return Faulty(self, port, (Crash, TransientFault, *faults))

    async def maybe(self, faults: tuple[type[BaseException], ...]) -> None:
        """Lets others go on; then nothing, a fault, or the end of the process."""
        for _ in range(self.rng.randrange(3)):
            await asyncio.sleep(0)
        if self.rng.random() < self.rate:
            raise self.rng.choice(faults)("no answer")

    async def attempt(self, work: Any) -> None:
        """As the host does: what dies or fails comes again by itself, or by the sweep."""
        try:
            await work
        except (Crash, TransientFault, PlatformErrored, DomainError):
            return

    async def step(self) -> None:
        """One thing that happens, sometimes two at once."""
        bench, rng = self.bench, self.rng
        chosen = []
        due = bench.queue.due(bench.clock.now())
        for message in rng.sample(due, min(len(due), rng.randrange(1, 4))):
            if rng.random() > self.rate:  # else it comes again
                bench.queue.sent.remove(message)
            chosen.append(look_at(message.look, message.message_id, looked_after(self.ports)))
        if rng.random() < 0.15:
            chosen.append(sweep(nets(self.ports)))
        if self.rate and rng.random() < 0.1:
            chosen.append(request_trainings(self.requests, self.ports))
        if self.rate and rng.random() < 0.03 and bench.runs.runs:
            chosen.append(abort_training(rng.choice(sorted(bench.runs.runs)), ENGINEER, "wrong data", self.ports))
        await asyncio.gather(*(self.attempt(each) for each in chosen))
        self.check()
        bench.clock.advance(rng.choice([1, 5, 30, 120]))

    def check(self) -> None:
        """What must never happen."""
        platform = self.bench.platform
        assert platform.most_at_once <= PARALLEL_MAX
        made = Counter(model.tags["training_run"] for model in platform.models.values())
        assert not made or max(made.values()) == 1, f"a run has two models: {made}"
        assert all(name.endswith(("-1", "-2")) for name in platform.jobs)

    async def play(self) -> None:
        for _ in range(FAULTY_STEPS):
            await self.step()
        self.rate = 0.0
        await request_trainings(self.requests, self.ports)
        for _ in range(STEPS_MAX):
            await self.step()
            if all(run.settled for run, _ in self.bench.runs.runs.values()):
                return
            self.bench.clock.advance(200)
        raise AssertionError([(run.run_id, run.phase, run.waits_for) for run, _ in self.bench.runs.runs.values()])


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_whatever_fails_every_run_ends_and_makes_one_model_or_says_why(seed: int) -> None:
    """Never more trainings at once than there are slots, one job per attempt, one model per run, no slot left over."""
    world = World(seed)
    await world.play()
    bench = world.bench
    registered = {model.tags["training_run"] for model in bench.platform.models.values()}
    for run, _ in bench.runs.runs.values():
        if run.phase is Phase.SUCCEEDED:
            assert run.run_id in registered
        else:
            assert run.failure
    assert bench.platform.live() == []
    assert bench.slots.slots == []
    succeeded = [run for run, _ in bench.runs.runs.values() if run.phase is Phase.SUCCEEDED]
    assert len(bench.artifacts.files) == len(succeeded)
    assert {each for each in bench.facts.facts if not each.startswith("training-failures")} == {
        f"{run.run_id}-{run.phase.value}" for run, _ in bench.runs.runs.values()
    }
