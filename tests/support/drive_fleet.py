"""Drives the core through an environment release: every answer as Azure ML would give it."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from shared.domain.fleet.batch_jobs import BatchJobs
from shared.domain.fleet.lanes import find, of_progress
from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.decide import Decision, decide, open_environment_release
from shared.domain.release.model import GATE_OF_PHASE, Actor, FleetTarget, Phase, Progress, Release, Verdict
from shared.domain.release.policy import Limits, Policy
from shared.domain.release.specs import gate_digest
from tests.fakes.config import environment_gates
from tests.support.builders import NOW, RELEASE_ID, a_candidate, a_spec, an_actor

REQUESTER, ENGINEER, OTHER_ENGINEER = an_actor(1), an_actor(2), an_actor(4)
MANAGER = an_actor(3, groups=("Engineering-Managers",))
REGISTRY = "azureml://registries/mlregistry-shared"
OLD, NEW = (f"{REGISTRY}/environments/custom-tf-env/versions/{version}" for version in ("1.5.0", "1.5.1"))

#: A fleet by endpoint.
Fleet = dict[str, tuple[FleetTarget, ...]]


def sized(*circuits: int) -> Fleet:
    """As many endpoints as numbers, each with so many circuits: `sized(2, 1)` is P001-C001, P001-C002 and P002-C001."""
    return {
        f"batch-endpoint-plant-P{plant:03}": tuple(_target(plant, circuit) for circuit in range(1, number + 1))
        for plant, number in enumerate(circuits, 1)
    }


def _target(plant: int, circuit: int) -> FleetTarget:
    key = f"P{plant:03}-C{circuit:03}"
    spec = a_spec(
        endpoint_name=f"batch-endpoint-plant-P{plant:03}",
        deployment_name=f"deployment-circuit-c{circuit:03}",
        model=f"{REGISTRY}/models/sensor_model_P{plant:03}_C{circuit:03}/versions/6",
        environment=OLD,
        environment_variables={"PLANT_ID": f"P{plant:03}", "CIRCUIT_ID": f"C{circuit:03}"},
    )
    return FleetTarget(key=key, previous=spec)


@dataclass
class Drive:
    """An environment release under way; `said` are the decisions so far. Events get ids of their own."""

    fleet: Fleet
    release: Release
    now: datetime = NOW
    said: list[Decision] = field(default_factory=list)
    numbers: Any = field(default_factory=count)

    def tell(self, event: e.Event) -> Decision:
        """Applies `event` now."""
        decision = decide(self.release, event, self.now)
        self.release = decision.release
        self.said.append(decision)
        return decision

    def step(self, kind: type[e.StepEvent], **content: Any) -> e.Event:
        """An answer of the current step."""
        return self.event(kind, **{"serial": self.release.serial, **content})

    def event(self, kind: type[e.Event], **content: Any) -> e.Event:
        """An event that belongs to no step."""
        event_id = f"event-{next(self.numbers)}"
        return kind(event_id=event_id, release_id=RELEASE_ID, occurred_at=self.now, **content)

    def by(self, kind: type[e.Event], actor: Actor = ENGINEER, reason: str = "on purpose") -> e.Event:
        """What a person asks for."""
        return self.event(kind, actor=actor, reason=reason)

    def answered(self, key: str, outcome: e.Outcome = e.Outcome.DONE, **content: Any) -> Decision:
        """The answer to the current look at a target; a check passes unless `verdict` says otherwise."""
        target = self.target(key)
        passed = outcome is e.Outcome.DONE and self.release.phase is Phase.CHECKING
        default = {
            "attempt": target.attempt,
            "look": target.look,
            "verdict": Verdict.PASSED if passed else None,
            "detail": f"{outcome.value} as the test says",
        }
        return self.tell(self.step(e.TargetAnswered, target_key=key, outcome=outcome, **{**default, **content}))

    def decision(self, actor: Actor, **changes: Any) -> e.ApprovalSubmitted:
        """A yes of `actor` on the open gate, about what is there now."""
        stage = GATE_OF_PHASE[self.release.phase]
        event = e.ApprovalSubmitted(
            event_id=f"event-{next(self.numbers)}",
            release_id=RELEASE_ID,
            occurred_at=self.now,
            stage=stage,
            actor=actor,
            approved=True,
            digest=gate_digest(self.release, stage),
            reason="",
        )
        return replace(event, **changes)

    def approved(self, *actors: Actor) -> None:
        """A yes of each on the open gate."""
        for actor in actors:
            self.tell(self.decision(actor))

    def looked(self) -> Decision:
        """The next look at the step comes."""
        return self.tell(self.step(e.LookDue, look=self.release.look + 1))

    def predicted(self) -> Decision:
        """Every circuit has predictions while it is watched."""
        return self.tell(self.step(e.BatchJobsCounted, jobs=BatchJobs(succeeded=len(self.release.fleet))))

    def overdue(self) -> Decision:
        """The deadline of the current phase comes."""
        assert self.release.deadline_at is not None
        self.now = self.release.deadline_at + timedelta(seconds=1)
        return self.tell(self.step(e.DeadlinePassed))

    def wait(self, seconds: float) -> None:
        """Time passes and nothing happens."""
        self.now += timedelta(seconds=seconds)

    def target(self, key: str) -> FleetTarget:
        target = find(self.release, key)
        assert target is not None
        return target

    def keys(self, *progress: Progress) -> list[str]:
        """The targets that are this far in the current phase."""
        return [target.key for target in of_progress(self.release, *progress)]

    def finish(self, outcome: e.Outcome = e.Outcome.DONE, **content: Any) -> None:
        """Every target of the current phase that has no final answer yet gets this one."""
        phase = self.release.phase
        while self.release.phase is phase and (running := self.keys(Progress.CHANGING)):
            self.answered(running[0], outcome, **content)

    def notes(self) -> str:
        """Everything the history tells so far."""
        return "\n".join(decision.note for decision in self.said)

    def put_back(self) -> None:
        """Everything goes back, and whatever is looked at afterwards is well."""
        while self.release.phase is not Phase.HELD and self.keys(Progress.CHANGING):
            self.finish()
        if self.release.phase is Phase.VERIFYING_ROLLBACK:
            self.read_restored()

    def read_restored(self, *broken: str) -> Decision:
        """The last look after a rollback, once nothing can be in flight any more, finds these circuits broken."""
        self.wait(self.release.policy.limits.settle_quiet_s)
        assert commands(self.looked(), c.ReadRestored)
        return self.tell(self.step(e.RestoredRead, broken=broken))


def opened(*circuits: int, **limits: int) -> Drive:
    """A release that was just requested, for a fleet of this size (two endpoints, three circuits)."""
    policy = Policy(gates=environment_gates(), limits=Limits(**limits))
    event = e.EnvironmentReleaseRequested(
        event_id="requested",
        release_id=RELEASE_ID,
        occurred_at=NOW,
        workspace="dev-ml-workspace",
        environment_name="custom-tf-env",
        environment_version="1.5.1",
        actor=REQUESTER,
        reason="clearer logs",
    )
    decision = open_environment_release(event, policy, NOW)
    return Drive(fleet=sized(*(circuits or (2, 1))), release=decision.release, said=[decision])


def driven_to(phase: Phase, *circuits: int, **limits: int) -> Drive:
    """The release as it arrives in `phase` on the straight road, or when it is rolled back from the watch."""
    drive = opened(*circuits, **limits)
    while drive.release.phase is not phase:
        move_on(drive)
    return drive


def move_on(drive: Drive) -> None:
    """What comes next on the straight road."""
    keys = [target.key for targets in drive.fleet.values() for target in targets]
    steps = {
        Phase.VERIFYING: lambda: drive.tell(verified(drive)),
        Phase.AWAITING_REGISTRY_APPROVAL: lambda: drive.approved(ENGINEER),
        Phase.PROMOTING: lambda: drive.tell(drive.step(e.EnvironmentPromoted, registry_environment_id=NEW)),
        Phase.WAITING_FOR_FLEET: lambda: drive.tell(drive.step(e.FleetAcquired, epochs=dict.fromkeys(keys, 7))),
        Phase.FREEZING_TARGETS: lambda: drive.tell(listed(drive, drive.release.endpoints_to_list[0])),
        Phase.AWAITING_PRODUCTION_APPROVAL: lambda: drive.approved(ENGINEER, MANAGER),
        Phase.WATCHING: lambda: drive.tell(drive.by(e.RollbackRequested)),
    }
    steps.get(drive.release.phase, drive.finish)()


def verified(drive: Drive) -> e.Event:
    """The version may be released to this fleet."""
    keys = tuple(target.key for targets in drive.fleet.values() for target in targets)
    candidate = replace(
        a_candidate(name="custom-tf-env", version="1.5.1", plant_id="", circuit_id=""),
        requesters=("maker@example.com",),
    )
    return drive.step(e.EnvironmentVerified, candidate=candidate, endpoints=tuple(drive.fleet), circuits=keys)


def listed(drive: Drive, endpoint: str) -> e.Event:
    """What an endpoint runs."""
    return drive.step(e.TargetsListed, endpoint_name=endpoint, targets=drive.fleet[endpoint])


def commands(decision: Decision, kind: type[c.Command] = c.Command) -> list[Any]:
    """The commands of this kind."""
    return [command for command in decision.commands if isinstance(command, kind)]


def work(decision: Decision) -> list[c.CheckTarget | c.ChangeTarget]:
    """The commands about single targets."""
    return [command for command in decision.commands if isinstance(command, c.CheckTarget | c.ChangeTarget)]


def about(decision: Decision) -> list[str]:
    """The targets that commands of the decision are about."""
    return [command.target_key for command in work(decision)]
