"""Routines of one seed: timers and people have tasks made, jobs come to their fate, the watch counts what ended."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

from shared.application.platform_ports import Place
from shared.application.routines.inference import RecordedOutcomes
from shared.application.routines.looked_after import nets, periods_looked_after, tasks_looked_after
from shared.application.routines.ports import RoutinePorts
from shared.application.routines.start import start_by_hand, start_due
from shared.application.work.look import LookedAfter, WorkKind
from shared.application.work.sweep import Net
from shared.domain.errors import DomainError
from shared.domain.release.model import DeploymentSpec
from shared.domain.routines.cutoff import ProposalState
from shared.domain.routines.monitoring import AlertRule, Condition, Level, MonitoringPolicy
from shared.domain.routines.task import Routine, Task, TaskLimits, TaskState, period_before
from tests.fakes.clock import START
from tests.fakes.config import FakeReleaseConfig
from tests.fakes.environment_platform import MemoryEnvironmentPlatform
from tests.fakes.facts import MemoryFindingLog
from tests.fakes.platform import FakeDeployment
from tests.simulation.host import abandoned
from tests.simulation.scheduler import Late
from tests.simulation.violation import require
from tests.simulation.work.batch_jobs import TimedModels, WatchedRoutinePlatform, WatchedSource
from tests.simulation.work.routine_oracle import RoutineJudge, WatchedFacts, WatchedProposals, WatchedTasks
from tests.simulation.work.world import PLATFORM_FAULTS, WorkWorld
from tests.support.benches.routines import ENGINEER
from tests.support.benches.training import config_yaml

CIRCUITS = ("P001-C001", "P001-C002", "P002-C001", "P002-C002")
LIMITS = TaskLimits(job_deadline_s=1200, retry_pause_s=300)
PERIODS = {routine: period_before(routine, START.date()) for routine in Routine}


def _rule(name: str, routine: Routine, severity: int, **above: float | Level) -> AlertRule:
    conditions = tuple(Condition(measure=measure, above=bound) for measure, bound in above.items())
    return AlertRule(name=name, routine=routine, any_of=conditions, severity=severity)


POLICY = MonitoringPolicy(
    limits=dict.fromkeys(Routine, LIMITS),
    rules=(
        _rule("model-performance-degradation", Routine.PERFORMANCE, 2, mae=Level.CRITICAL, rmse=Level.CRITICAL),
        _rule("data-drift", Routine.DRIFT, 3, drift_magnitude=Level.CRITICAL),
        _rule("batch-job-failure", Routine.INFERENCE, 1, failed_jobs=0.0),
        _rule("predictions-missing", Routine.INFERENCE, 2, missing_predictions=0.0),
    ),
    groups=("ML-Engineers",),
    environment_version="1.5.0",
)


class RoutineWorld(WorkWorld):
    """A few circuits, one or two routines."""

    lost = frozenset({WorkKind.TASK})
    sweep_every_s = 300

    def __init__(self, seed: int) -> None:
        super().__init__(seed, "routines")
        rng, clock, faulty = self.rng, self.clock, self.scheduler.faulty
        self.routines = rng.sample(list(Routine), rng.choice((1, 1, 2)))
        self.circuits = list(CIRCUITS[: rng.choice((1, 2, 3))])
        self.models = TimedModels(clock, rng)
        self.platform = WatchedRoutinePlatform(self.models, clock, rng)
        self.judge = RoutineJudge(clock, self.platform, LIMITS)
        self.tasks = WatchedTasks(self.judge, self.scheduler)
        self.proposals = WatchedProposals()
        files = {f"config/plants/{key.replace('-', '/')}.yml": self._file(key) for key in CIRCUITS}
        self.source = WatchedSource(files, self._proposed)
        self.findings = MemoryFindingLog()
        self.has_source = rng.random() < 0.7
        self.accepted = 0
        for circuit in self.circuits:
            self._deploy(circuit)
        for circuit in CIRCUITS:
            self._measure(circuit)
        self.ports = RoutinePorts(
            clock=clock,
            tasks=faulty(self.tasks),
            queue=faulty(self.looks),
            platform=faulty(
                self.platform,
                *PLATFORM_FAULTS,
                late={"invoke": Late("invoke_late"), "submit": Late("submit_late")},
            ),
            models=faulty(self.models, *PLATFORM_FAULTS, late={"cancel_job": Late("cancel_late")}),
            environments=faulty(MemoryEnvironmentPlatform(self.models), *PLATFORM_FAULTS),
            facts=faulty(WatchedFacts(self.judge, self.tasks)),
            findings=faulty(self.findings),
            proposals=faulty(self.proposals),
            config=FakeReleaseConfig(),
            policy=POLICY,
            registry="mlregistry-shared",
            local_files=faulty(self.source),
            source_control=faulty(self.source, *PLATFORM_FAULTS) if self.has_source else None,
        )

    def begin(self) -> None:
        for routine in self.routines:
            for _ in range(self.rng.choice((1, 1, 2))):  # a timer may go off twice
                self.accepted -= 1
                after_s = self.rng.uniform(0, 120)
                self.scheduler.at(after_s, lambda routine=routine: self._timer(routine))  # type: ignore[misc]

    def looked_after(self, kind: WorkKind) -> LookedAfter:
        return (tasks_looked_after if kind is WorkKind.TASK else periods_looked_after)(self.ports)

    def nets(self) -> Sequence[Net[Any]]:
        return nets(self.ports)

    def somebody_acts(self) -> None:
        act: Callable[[], None] = self.rng.choice((self._ask, self._ask, self._watch, self._cancel, self._grow))
        act()

    def mend(self) -> None:
        self.platform.bad_fates = 0
        self.platform.refusing.clear()

    def has_ended(self) -> bool:
        everybody = self.accepted >= 0 and all(task.is_done for task, _ in self.tasks.tasks.values())
        return everybody and not self.tasks.listed and not self.tasks.making

    def ends(self) -> Iterable[str]:
        return (f"{task.routine.value} {task.state.value}" for task, _ in self.tasks.tasks.values())

    def check_end(self) -> None:
        tasks = [task for task, _ in self.tasks.tasks.values()]
        made = {(task.routine, task.circuit) for task in tasks}
        for routine in self.routines:
            missing = [circuit for circuit in self.circuits if (routine, circuit) not in made]
            require(not missing or self._is_new(missing), f"{routine} has no task for {missing}")
        for task in tasks:
            self._check_done(task)
        ends = {(task.task_id, end.attempt) for task in tasks for end in task.ends}
        require(ends == self.tasks.ends.keys(), f"ended jobs and what is on record of them differ: {ends}")
        self._check_proposals()
        told, decided_on = set(self.judge.alerts.values()), self.findings.findings.keys()
        require(told <= decided_on, f"nobody decides on {told - decided_on}, of which people were told")
        untold = decided_on - told  # a person had the task tried again in between
        require(len(untold) <= len(self.judge.excused), f"people were not told of {untold}")

    def _check_done(self, task: Task) -> None:
        require(task.state.is_over and task.told == len(task.ends), f"task {task.task_id} is {task.state}")
        if task.routine is Routine.INFERENCE and task.state is TaskState.SUCCEEDED:
            path = f"predictions/{task.circuit.replace('-', '/')}/{task.period}.parquet"
            there = self.platform.published.get(path, b"").decode()
            require(
                there == task.ends[-1].job_name, f"{path} is {there or 'nowhere'}'s, not {task.ends[-1].job_name}'s"
            )
        if task.routine is Routine.DRIFT and task.state is TaskState.SUCCEEDED and self.judge.is_critical(task.circuit):
            proposal = self.proposals.proposals.get((task.period, task.circuit))
            require(proposal is not None, f"nothing was proposed after the drift of {task.circuit}")

    def _check_proposals(self) -> None:
        opened = [each for each in self.proposals.proposals.values() if each.state is ProposalState.OPENED]
        urls = {each.branch: each.url for each in opened}
        require(urls == self.source.pull_requests, f"{urls} are on record and {self.source.pull_requests} are open")
        for each in self.proposals.proposals.values():
            planned = each.state is ProposalState.PLANNED and not each.note
            require(not planned, f"the proposal {each.branch} was never sent")

    def _file(self, circuit: str) -> str:
        """Some circuits have a later cutoff date already, and some a file that no machine should change."""
        plant_id, _, circuit_id = circuit.partition("-")
        cutoff = self.rng.choice(
            (START.date().replace(year=2025), START.date()) if self.rng.random() < 0.3 else (None,)
        )
        text = config_yaml(plant_id, circuit_id, cutoff or START.date().replace(year=2025))
        return text if self.rng.random() < 0.9 else text + text

    def _deploy(self, circuit: str) -> None:
        plant_id, _, circuit_id = circuit.partition("-")
        name, endpoint = f"deployment-circuit-{circuit_id}".lower(), f"batch-endpoint-plant-{plant_id}"
        spec = DeploymentSpec(
            endpoint_name=endpoint,
            deployment_name=name,
            model=f"azureml://registries/mlregistry-shared/models/sensor_model_{plant_id}_{circuit_id}/versions/3",
            environment="azureml://registries/mlregistry-shared/environments/custom-tf-env/versions/1.5.0",
            compute="cpu-cluster",
            code="pipelines/scoring",
            scoring_script="score.py",
            mini_batch_size=100,
            environment_variables={"PLANT_ID": plant_id, "CIRCUIT_ID": circuit_id},
        )
        self.models.deployments[Place.PRODUCTION, endpoint, name] = FakeDeployment(spec)

    def _measure(self, circuit: str) -> None:
        """What a job of monitoring will find, and whether there is anything to compare."""
        rng = self.rng
        rows = rng.choice((1000, 1000, 1000, 20))
        self.platform.reports[circuit] = {
            "rows": rows,
            "days": 31,
            **{name: rng.choice((0.1, 0.3, 0.5)) for name in ("mae", "rmse")},
            "features": {"temperature": rng.choice((0.01, 0.2, 0.4)), "pressure": 0.02},
        }
        if rows < POLICY.rows_min:
            self.platform.reports[circuit]["features"]["temperature"] = 0.01
        if rng.random() < 0.8:
            self.platform.published[f"predictions/{circuit.replace('-', '/')}/2025-12-05.parquet"] = b""
        if rng.random() < 0.1:
            self.platform.refusing.add(f"deployment-circuit-{circuit.partition('-')[2]}".lower())

    def _timer(self, routine: Routine) -> None:
        self.until_done("timer", lambda: abandoned(start_due(routine, self.ports)), self._heard)

    def _heard(self) -> None:
        self.accepted += 1

    def _ask(self) -> None:
        """Somebody has a routine started by hand, perhaps what failed tried again."""
        routine, again = self.rng.choice(self.routines), self.rng.random() < 0.5
        if again:
            self.judge.again.add((routine, PERIODS[routine]))

        async def ask() -> None:
            with suppress(DomainError):
                await abandoned(start_by_hand(routine, PERIODS[routine], ENGINEER, self.ports, again=again))

        self.once("person", ask())

    def _watch(self) -> None:
        async def watch() -> None:
            outcomes = await RecordedOutcomes(self.ports.tasks).since(CIRCUITS, START)
            tasks = [task for task, _ in self.tasks.tasks.values() if task.routine is Routine.INFERENCE]
            self.judge.watched(tasks, outcomes)

        self.once("watch", watch())

    def _cancel(self) -> None:
        """Somebody cancels a job by hand."""
        if self.platform.started:
            self.models.cancel(self.rng.choice(self.platform.started), by_us=False)

    def _grow(self) -> None:
        """Another circuit reaches production."""
        if len(self.circuits) < len(CIRCUITS):
            self.circuits.append(CIRCUITS[len(self.circuits)])
            self._deploy(self.circuits[-1])

    def _is_new(self, circuits: list[str]) -> bool:
        """They came after the period's tasks were made."""
        return all(circuit in self.circuits[1:] for circuit in circuits)

    def _proposed(self, path: str, text: str, branch: str) -> None:
        circuit = "-".join(path.removesuffix(".yml").split("/")[-2:])
        claimed = self.proposals.proposals.get((PERIODS[Routine.DRIFT], circuit))
        tasks = (task for task, _ in self.tasks.tasks.values())
        drifted = next((each for each in tasks if (each.routine, each.circuit) == (Routine.DRIFT, circuit)), None)
        self.judge.proposed(claimed, drifted, text, branch)
