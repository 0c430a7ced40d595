"""The command of the watch: how production's batch jobs went since it began."""

from shared.application.answers import answer
from shared.application.ports import Ports
from shared.domain.fleet.batch_jobs import BatchJobs
from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.model import Release


async def count_batch_jobs(command: c.CountBatchJobs, release: Release, ports: Ports) -> e.Event:
    """Reads what the daily inference recorded."""
    outcomes = await ports.batch_outcomes.since(command.target_keys, command.since)
    jobs = BatchJobs(
        succeeded=sum(each.succeeded for each in outcomes.values()),
        failed={key: each.failed for key, each in sorted(outcomes.items()) if each.failed},
    )
    return answer(e.BatchJobsCounted, command, ports, jobs=jobs)
