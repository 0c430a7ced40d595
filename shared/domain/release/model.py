"""The release aggregate and the words it is made of. See docs/glossary.md."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shared.domain.evidence.model import Evidence
from shared.domain.fleet.batch_jobs import BatchJobs
from shared.domain.fleet.change_times import ChangeTimes
from shared.domain.fleet.meter import Meter
from shared.domain.fleet.roster import NOBODY, Roster
from shared.domain.makers import Maker
from shared.domain.online.model import Online
from shared.domain.release.earlier import EarlierAttempt
from shared.domain.release.phases import AZURE_ML as AZURE_ML
from shared.domain.release.phases import GATE_OF_PHASE as GATE_OF_PHASE
from shared.domain.release.phases import LOOKED_AT as LOOKED_AT
from shared.domain.release.phases import TERMINAL as TERMINAL
from shared.domain.release.phases import Dimension as Dimension
from shared.domain.release.phases import Kind as Kind
from shared.domain.release.phases import Phase as Phase
from shared.domain.release.phases import Verdict as Verdict
from shared.domain.release.policy import Policy, Stage


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """The model or environment version being released, as read back from the dev workspace.

    `fingerprint` covers everything that must not change under an approval. `makers` are all who had a part in it, tied
    to people where they are known; `requesters` are their object ids, and every name that was given for one of them:
    none of them may approve it. An environment belongs to no circuit. `rolled_back` is what the registry says of a
    version that was rolled back; empty where it was not.
    """

    workspace: str
    name: str
    version: str
    asset_id: str
    fingerprint: str
    plant_id: str = ""
    circuit_id: str = ""
    requesters: tuple[str, ...] = ()
    makers: tuple[Maker, ...] = ()
    archived: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    rolled_back: str = ""


@dataclass(frozen=True, kw_only=True)
class DeploymentPlan:
    """Where and how the candidate is deployed: resolved from the fleet's configuration when the release is verified.
    `known_as` is what people call the circuit; empty in releases of earlier versions of the app."""

    endpoint_name: str
    deployment_name: str
    registry_model_name: str
    environment_name: str
    environment_version: str
    test_compute: str
    production_compute: str
    mini_batch_size: int
    scoring_code: str
    scoring_script: str
    input_uri: str
    known_as: str = ""


@dataclass(frozen=True, kw_only=True)
class DeploymentSpec:
    """A batch deployment in full: what can be put back exactly as it was."""

    endpoint_name: str
    deployment_name: str
    model: str
    environment: str
    compute: str
    code: str
    scoring_script: str
    mini_batch_size: int
    instance_count: int = 1
    max_concurrency_per_instance: int = 1
    error_threshold: int = -1
    output_action: str = "append_row"
    output_file_name: str = "predictions.csv"
    retry_max_retries: int = 3
    retry_timeout_s: int = 300
    logging_level: str = "info"
    description: str = ""
    environment_variables: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)

    @property
    def circuit(self) -> str:
        """The key of its circuit; empty when it does not say."""
        return "-".join(self.circuit_ids)

    @property
    def circuit_ids(self) -> tuple[str, ...]:
        """The ids of plant and circuit by its own variables, else by its tags, which deployments have that a team made
        before there was Switchyard; none when neither says both."""
        variables = self.environment_variables.get("PLANT_ID", ""), self.environment_variables.get("CIRCUIT_ID", "")
        tags = self.tags.get("plant_id", ""), self.tags.get("circuit_id", "")
        return next((ids for ids in (variables, tags) if all(ids)), ())


@dataclass(frozen=True, kw_only=True)
class InProduction:
    """References to the model and the environment that a deployment of production runs."""

    model: str
    environment: str


@dataclass(frozen=True, kw_only=True)
class Target:
    """One circuit's deployment inside a release.

    `found` is what production ran when the circuit was taken; None when nothing ran. `previous` is what production ran
    before, in full; it means something only once `previous_recorded` is true (None then says that nothing ran).
    `touched` is true from the moment a change to production may have been sent.
    """

    key: str
    plan: DeploymentPlan
    found: InProduction | None = None
    previous_recorded: bool = False
    previous: DeploymentSpec | None = None
    touched: bool = False
    epoch: int | None = None


class Progress(StrEnum):
    """How far the change of one target is, forward or back, as the release's phase says."""

    UNTOUCHED = "untouched"
    WAITING = "waiting"
    CHANGING = "changing"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class FleetTarget:
    """One circuit's deployment inside an environment release, with everything it ran when the targets were frozen; in a
    rollback, with what goes back. Where `superseded_by` names who changed the deployment since, or took its circuit,
    it is left alone.

    `progress` counts for the phase `goal` and the release's `serial` only (`lanes.py`). `attempt` and `look` count
    the tries of a check or change and the looks at one try, which does not begin before `not_before`, and which Azure
    ML took at `accepted_at`; `check` is what the compatibility check said.
    """

    key: str
    previous: DeploymentSpec
    superseded_by: str = ""
    dimensions: tuple[Dimension, ...] = ()
    goal: Phase | None = None
    serial: int = 0
    progress: Progress = Progress.UNTOUCHED
    attempt: int = 1
    look: int = 0
    not_before: datetime | None = None
    accepted_at: datetime | None = None
    touched: bool = False
    check: Verdict | None = None
    check_detail: str = ""
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class CheckRun:
    """One execution of the test inference; `job_name` is the Azure ML job, `output` what it predicted in words."""

    attempt: int
    job_name: str
    verdict: Verdict | None = None
    detail: str = ""
    output: str = ""


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A person, as a verified token describes them. Authority rests on (tenant_id, object_id), never on names."""

    object_id: str
    tenant_id: str
    name: str
    username: str = ""
    groups: tuple[str, ...] = ()
    is_person: bool = True


@dataclass(frozen=True, kw_only=True)
class Approval:
    """A person's recorded yes or no on one gate and one digest."""

    stage: Stage
    actor: Actor
    approved: bool
    digest: str
    reason: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Release:
    """One attempt to bring one candidate to production: the aggregate, the state machine, one table partition.

    `serial` grows each time a step starts or starts again: answers and commands carry it, so that a late answer of an
    earlier attempt changes nothing. `attempt` counts within the current phase, `faults` the technical faults since a
    person last had a say, `look` how often the current step was looked at. `submitted` says that the step's change was
    accepted, so that looking is enough. `circuit_claimed` is true once the lock may be ours. `ending` is set when the
    release must end after production has been put back. A model release has one target; an environment release has its
    targets in `fleet`, the endpoints still to be listed while they are frozen, and the `epochs` of the circuits' locks.
    So has a rollback, which `undoes` an ended release. `undoes_to` is the version that it goes back to where a person
    chose one, and `undoes_models` are releases of models that go back with the
    environment, by circuit. `rollback_by` are the identifiers of who asked to roll back.
    `batch_jobs` is what the last look of the watch found, `watch_extended` how often the watch was made longer, and
    `watch_excused` the circuits that it does not wait for, because a person was told that they predict nothing.
    `configuration` tells which configuration it was verified with; empty for releases of earlier versions of the app.
    `undone_by` is the rollback by which production went back from a release that had ended as released.
    `pull_request` is the address of the change by which the configuration names the environment that was released.
    `earlier` are the attempts of its version before this one, the first one first: shown, and counting for nothing.
    `online` is what only a release to online endpoints has.
    """

    release_id: str
    kind: Kind = Kind.MODEL
    policy: Policy
    asset_workspace: str
    asset_name: str
    asset_version: str
    requested_by: tuple[str, ...] = ()
    opened_at: datetime
    phase: Phase
    phase_since: datetime
    deadline_at: datetime | None
    serial: int = 1
    attempt: int = 1
    faults: int = 0
    look: int = 0
    look_at: datetime | None = None
    submitted: bool = False
    candidate: Candidate | None = None
    configuration: str = ""
    targets: tuple[Target, ...] = ()
    fleet: Sequence[FleetTarget] = ()
    endpoints_to_list: tuple[str, ...] = ()
    epochs: dict[str, int] = field(default_factory=dict)
    registry_model_id: str = ""
    registry_environment_id: str = ""
    evidence: Evidence | None = None
    approvals: tuple[Approval, ...] = ()
    check_runs: tuple[CheckRun, ...] = ()
    circuit_claimed: bool = False
    waiting_on: str = ""
    held_phase: Phase | None = None
    ending: Phase | None = None
    undone_by: str = ""
    pull_request: str = ""
    undoes: str = ""
    undoes_to: str = ""
    undoes_models: dict[str, str] = field(default_factory=dict)
    rollback_reason: str = ""
    rollback_by: tuple[str, ...] = ()
    critical: bool = False
    meter: Meter | None = None
    change_times: ChangeTimes | None = None
    batch_jobs: BatchJobs | None = None
    watch_extended: int = 0
    watch_excused: tuple[str, ...] = ()
    reason: str = ""
    earlier: tuple[EarlierAttempt, ...] = ()
    online: Online | None = None
    history_count: int = 0
    history_hash: str = ""

    def __post_init__(self) -> None:
        """Whatever list of targets it is made of, it keeps a roster."""
        if type(self.fleet) is not Roster:
            object.__setattr__(self, "fleet", Roster(self.fleet) if self.fleet else NOBODY)

    @property
    def roster(self) -> Roster:
        """`fleet`, as what it is."""
        if not isinstance(self.fleet, Roster):
            raise TypeError(f"the targets of {self.release_id} are {type(self.fleet).__name__}, no roster")
        return self.fleet

    @property
    def asset(self) -> str:
        """Name and version of what is released, as people say it."""
        return f"{self.asset_name}:{self.asset_version}"

    @property
    def version_attempt(self) -> int:
        """Which attempt of its version this is, from 1 on."""
        return len(self.earlier) + 1

    @property
    def target(self) -> Target:
        """The only target of a model release."""
        return self.targets[0]

    @property
    def production_touched(self) -> bool:
        """True once any change to production may have been sent."""
        served = self.online is not None and self.online.production_touched
        return served or any(target.touched for target in self.targets) or any(t.touched for t in self.roster.standings)
