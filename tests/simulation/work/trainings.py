"""Trainings of one seed: merges and people ask for them, jobs end, fail, lose their node or hang, people abort."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from shared.application.errors import PlatformOutcomeUnknown
from shared.application.training.effects import artifact_name
from shared.application.training.looked_after import looked_after, nets
from shared.application.training.people import abort_training
from shared.application.training.ports import TrainingJob, TrainingPorts
from shared.application.training.start import request_trainings
from shared.application.work.look import LookedAfter, WorkKind
from shared.application.work.sweep import Net
from shared.domain.errors import DomainError
from shared.domain.training.limits import TrainingLimits
from shared.domain.training.model import TrainingPhase, TrainingRun
from tests.fakes.facts import MemoryFactPublisher, MemoryFindingLog
from tests.fakes.training import (
    FixedTrainingConfig,
    MemoryArtifactStore,
    MemoryTrainingPlatform,
    MemoryTrainingSlots,
    MemoryTrainingStore,
)
from tests.simulation.host import abandoned
from tests.simulation.scheduler import Late
from tests.simulation.violation import require
from tests.simulation.work.batch_jobs import at_once
from tests.simulation.work.world import PLATFORM_FAULTS, WorkWorld
from tests.support.benches.training import ENGINEER, a_request

HANGS_S = 10 * 86_400
LIMITS = TrainingLimits(
    parallel_max=2, training_deadline_s=1800, job_limit_s=1200, cancel_deadline_s=600, register_deadline_s=1200
)
COUNTED = "training-failures"
"""How the ids of alerts about too many failures begin."""


class WatchedTrainings(MemoryTrainingPlatform):
    """A job belongs to a run that says durably that it may have one; no more of them go on than there are slots."""

    runs: MemoryTrainingStore

    async def submit(self, job: TrainingJob) -> None:
        run = self.runs.runs[job.run_id][0]
        require(run.may_have_job, f"job {job.job_name} was started before its run recorded that")
        await super().submit(job)
        require(len(self.live()) <= LIMITS.parallel_max, f"{self.live()} train at once")
        tries = [name for name in self.jobs if name.startswith(f"{job.run_id}-")]
        require(len(tries) <= LIMITS.attempts_max, f"{job.run_id} has the jobs {tries}")

    def submit_late(self, job: TrainingJob) -> None:
        """The request arrives at last."""
        at_once(self.submit(job))


class WatchedNews(MemoryFactPublisher):
    """A run ends once, and what is told of it is what it says of itself."""

    runs: MemoryTrainingStore

    async def publish(self, fact_id: str, kind: str, subject: str, data: dict[str, str], at: datetime) -> None:
        if not fact_id.startswith(COUNTED):
            run = self.runs.runs[data["run_id"]][0]
            require(fact_id == f"{run.run_id}-{run.phase.value}", f"{fact_id} is told, and the run is {run.phase}")
            require(run.phase.is_terminal, f"{fact_id} is told of a run that has not ended")
        await super().publish(fact_id, kind, subject, data, at)


class TrainingWorld(WorkWorld):
    """More circuits than there are slots."""

    lost = frozenset({WorkKind.TRAINING})
    sweep_every_s = 300

    def __init__(self, seed: int) -> None:
        super().__init__(seed, "trainings")
        rng, clock, faulty = self.rng, self.clock, self.scheduler.faulty
        circuits = [a_request(f"C{number:03}") for number in range(1, rng.choice((2, 4, 6)))]
        self.requests = [*circuits, *(a_request(each.circuit_id, commit="9" * 40) for each in circuits[:2])]
        self.runs, self.slots = MemoryTrainingStore(), MemoryTrainingSlots()
        self.platform, self.facts, self.artifacts = WatchedTrainings(clock), WatchedNews(), MemoryArtifactStore()
        self.platform.runs = self.facts.runs = self.runs
        self.platform.decide = self._fate
        self.platform.cancels_in = lambda: rng.choice((5, 60, 3600))  # the last one outlives its run
        self.accepted = False
        self.ports = TrainingPorts(
            clock=clock,
            runs=faulty(self.runs),
            slots=faulty(self.slots),
            queue=faulty(self.looks),
            platform=faulty(
                self.platform, *PLATFORM_FAULTS, late={"submit": Late("submit_late", PlatformOutcomeUnknown)}
            ),
            artifacts=faulty(self.artifacts),
            facts=faulty(self.facts),
            findings=faulty(MemoryFindingLog()),
            config=FixedTrainingConfig(circuits, LIMITS),
        )

    def begin(self) -> None:
        def heard() -> None:
            self.accepted = True

        self.until_done("merge", lambda: abandoned(request_trainings(self.requests, self.ports)), heard)

    def looked_after(self, kind: WorkKind) -> LookedAfter:
        return looked_after(self.ports)

    def nets(self) -> Sequence[Net[Any]]:
        return nets(self.ports)

    def somebody_acts(self) -> None:
        """The merge is told again, or somebody wants a training no more."""
        if self.rng.random() < 0.5:
            self.once("merge", abandoned(request_trainings(self.requests, self.ports)))
        elif self.runs.runs and self.rng.random() < 0.3:
            self.once("person", self._abort(self.rng.choice(sorted(self.runs.runs))))

    def mend(self) -> None:
        self.platform.decide = lambda _: (self.rng.uniform(20, 900), "Completed", "")

    def has_ended(self) -> bool:
        return self.accepted and all(run.settled for run in self._all)

    def ends(self) -> Iterable[str]:
        return (run.phase.value for run in self._all)

    def check_end(self) -> None:
        require(len(self._all) == len(self.requests), f"{len(self._all)} runs for {len(self.requests)} requests")
        require(not self.platform.live() and not self.slots.slots, f"{self.platform.live()} live, {self.slots.slots}")
        told = {each for each in self.facts.facts if not each.startswith(COUNTED)}
        require(told == {f"{run.run_id}-{run.phase.value}" for run in self._all}, f"told was {told}")
        made = sorted(model.tags["training_run"] for model in self.platform.models.values())
        require(len(made) == len(set(made)), f"a run has two models: {made}")
        for run in self._all:
            done = run.phase is TrainingPhase.SUCCEEDED
            require(not done or run.run_id in made, f"{run.run_id} succeeded without a model")
            require(done or bool(run.failure), f"{run.run_id} is {run.phase} and does not say why")
            require(not done or artifact_name(run) in self.artifacts.files, f"{run.run_id} left no artifact")

    @property
    def _all(self) -> list[TrainingRun]:
        return [run for run, _ in self.runs.runs.values()]

    async def _abort(self, run_id: str) -> None:
        with suppress(DomainError):
            await abandoned(abort_training(run_id, ENGINEER, "wrong data", self.ports))

    def _fate(self, job: TrainingJob) -> tuple[float, str, str]:
        rng = self.rng
        return rng.choice(
            [
                (rng.uniform(20, 900), "Completed", ""),
                (rng.uniform(20, 900), "Completed", ""),
                (rng.uniform(5, 300), "NotResponding", ""),
                (rng.uniform(5, 300), "Failed", "NoRowsError: no rows"),
                (HANGS_S, "Completed", ""),
            ]
        )
