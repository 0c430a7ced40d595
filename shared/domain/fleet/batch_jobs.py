"""Production while an environment is watched: how many batch jobs ended well, whose deployments cannot run any, and
what that means.

See R-ENVREL-18 (success rates of batch jobs are watched) and R-BACK-7, R-BACK-8 (one circuit: its model; several
circuits: the environment).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from shared.domain.release.policy import WatchPolicy

CIRCUITS_TOLD = 5


class Health(StrEnum):
    """What the jobs say about the environment that production runs."""

    UNKNOWN = "unknown"  # too few jobs have ended to say anything
    HEALTHY = "healthy"
    ONE_CIRCUIT = "one_circuit"  # too few succeed or none can run, of one circuit: that speaks against its model
    SEVERAL_CIRCUITS = "several_circuits"  # the same of several circuits: that speaks against the environment


@dataclass(frozen=True, kw_only=True)
class BatchJobs:
    """The jobs that ended since the watch began: those that left predictions of use, and the failed ones by circuit,
    none with 0. Of `unclear` jobs nobody can tell; `missing` are the watched circuits for which no job left any
    predictions. `broken` are those whose deployment has failed or is gone, so that no job of theirs can run."""

    succeeded: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    unclear: int = 0
    missing: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()

    @property
    def ended(self) -> int:
        """Those that say something."""
        return self.succeeded + sum(self.failed.values())


def health(jobs: BatchJobs, policy: WatchPolicy) -> Health:
    """Exactly the lowest healthy rate is still healthy, exactly the least number of jobs says something. A broken
    deployment says something by itself: nobody has to wait for jobs that cannot run.
    """
    if against := speaks_against(jobs, policy):
        return Health.ONE_CIRCUIT if len(against) == 1 else Health.SEVERAL_CIRCUITS
    return Health.UNKNOWN if jobs.ended < policy.jobs_min else Health.HEALTHY


def speaks_against(jobs: BatchJobs, policy: WatchPolicy) -> tuple[str, ...]:
    """The circuits that speak against what production runs; none while enough jobs succeed or too few have ended."""
    too_few_succeed = jobs.ended >= policy.jobs_min and not _enough_succeed(jobs, policy)
    return tuple(sorted({*jobs.broken, *(jobs.failed if too_few_succeed else ())}))


def _enough_succeed(jobs: BatchJobs, policy: WatchPolicy) -> bool:
    return 100 * jobs.succeeded >= policy.success_rate_min_pct * jobs.ended


def told(jobs: BatchJobs, policy: WatchPolicy) -> str:
    """The numbers and what they are measured by, in words; the circuits with the most failed jobs come first."""
    return f"{_share(jobs, policy)}{_lacking(jobs)}"


def _share(jobs: BatchJobs, policy: WatchPolicy) -> str:
    if not jobs.ended:
        return "no batch job has ended yet"
    text = f"{jobs.succeeded} of {jobs.ended} batch jobs succeeded ({_pct(jobs)} %)"
    if jobs.ended < policy.jobs_min:
        text += f", fewer than {policy.jobs_min} jobs say nothing"
    elif _enough_succeed(jobs, policy):
        text += f", at least {policy.success_rate_min_pct} % is healthy"
    else:
        text += f", less than {policy.success_rate_min_pct} %"
    return f"{text}; failed: {_failed(jobs)}" if jobs.failed else text


def _pct(jobs: BatchJobs) -> str:
    """Cut and not rounded: 89.96 % is below 90 % and must not look like it."""
    return f"{int(1000 * jobs.succeeded / jobs.ended) / 10:.1f}"


def _lacking(jobs: BatchJobs) -> str:
    """What is not there: deployments that work, jobs that somebody can judge, circuits with predictions."""
    text = f"; the deployment has failed or is gone of {named(jobs.broken)}" if jobs.broken else ""
    text += f"; of {jobs.unclear} more nobody can tell, they left no predictions" if jobs.unclear else ""
    return f"{text}; no predictions yet of {named(jobs.missing)}" if jobs.missing else text


def named(circuits: Sequence[str]) -> str:
    """The first few circuits, and how many more there are."""
    shown = ", ".join(circuits[:CIRCUITS_TOLD])
    return shown if len(circuits) <= CIRCUITS_TOLD else f"{shown} and {len(circuits) - CIRCUITS_TOLD} more circuits"


def _failed(jobs: BatchJobs) -> str:
    most = sorted(jobs.failed.items(), key=lambda each: (-each[1], each[0]))
    return named([f"{key} ({count})" for key, count in most])
