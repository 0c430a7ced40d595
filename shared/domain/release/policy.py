"""What a release must satisfy: resolved when it opens and carried with it, so that a config edit affects only new ones.

Gates and their 24 hours: R-REL-3, R-REL-5, R-REL-16. All durations are seconds.
"""

from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """An ordered step of a release."""

    REGISTRY = "registry"
    TEST = "test"
    PRODUCTION = "production"
    ROLLBACK = "rollback"  # no step of the road, but people decide on it at a gate as well


class UnknownMakers(StrEnum):
    """What a gate asks for when somebody had a part in the candidate whom nothing ties to a person."""

    TWO = "two"  # two different people, where its groups ask for fewer
    ONE = "one"  # no more than its groups
    REFUSE = "refuse"  # nobody can approve


class Fact(StrEnum):
    """A fact that a decision should rest on, by the name that people read and write."""

    AUTHOR = "author"
    PULL_REQUEST = "pull request"
    METRICS = "metrics"
    LINEAGE = "lineage"
    IN_USE = "in use"


class MissingFacts(StrEnum):
    """What an approval needs where a required fact is missing."""

    REASON = "reason"  # a reason that names it
    REFUSE = "refuse"  # nobody can approve


@dataclass(frozen=True, kw_only=True)
class ApprovalRule:
    """`count` distinct people of `group` must approve."""

    group: str
    count: int = 1


@dataclass(frozen=True, kw_only=True)
class GatePolicy:
    """What must hold before a stage starts; `deadline_s` is how long people have to decide.

    With `evidence_required`, nobody can approve before an executed notebook was submitted.
    """

    approvals: tuple[ApprovalRule, ...]
    deadline_s: int
    instructions: str
    evidence_required: bool = False


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds of every wait and every retry of a release.

    `settle_quiet_s` must be longer than any single request to Azure ML can stay in flight: it is both the quiet period
    before an unknown outcome is looked at, and the cool-down of a circuit lock, because Azure ML has no fencing token.
    The last eight are for work on many targets: how long production is watched, how long rolling back may take, the
    first pause between two looks at a target, how many checks run and how many endpoints are changed at once, on how
    many restored deployments a sample inference runs, and how long one check and one change may take, tries and pauses
    included, so that deadlines follow from how many there are (`work_s`); 0, as in policies from before, says that they
    do not.
    """

    attempts_max: int = 3
    look_interval_s: int = 30
    verify_deadline_s: int = 1800
    promote_deadline_s: int = 1800
    deploy_deadline_s: int = 3600
    test_deadline_s: int = 7200
    circuit_wait_deadline_s: int = 259_200
    hold_deadline_s: int = 259_200
    settle_quiet_s: int = 180
    retry_backoff_s: int = 60
    watch_s: int = 86_400
    rollback_deadline_s: int = 3600
    target_look_s: int = 3
    checks_parallel_max: int = 8
    updates_parallel_max: int = 20
    rollback_samples_max: int = 3
    check_s: int = 0
    update_s: int = 0


@dataclass(frozen=True, kw_only=True)
class WatchPolicy:
    """What production's batch jobs must show while an environment is watched, and how often they are counted.

    The share that succeeds is healthy from `success_rate_min_pct` on; fewer than `jobs_min` ended jobs say nothing. A
    watch at whose end a circuit has no predictions goes on for `extension_s`, at most `extensions_max` times; then
    people are asked.
    """

    success_rate_min_pct: int = 90
    jobs_min: int = 10
    look_interval_s: int = 900
    extension_s: int = 21_600
    extensions_max: int = 4


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Gates by stage, limits, and what the watch looks for. A stage without a gate starts as soon as the one before it
    is done.

    With `critical_at_once`, a rollback that is called critical does not wait at the gate of rollbacks. A release
    that was stored before there were required facts requires none.
    """

    gates: dict[Stage, GatePolicy]
    limits: Limits
    watch: WatchPolicy = WatchPolicy()
    critical_at_once: bool = True
    unknown_makers: UnknownMakers = UnknownMakers.TWO
    required_facts: tuple[Fact, ...] = ()
    missing_facts: MissingFacts = MissingFacts.REASON
