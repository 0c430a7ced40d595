"""Whether deployments work, as far as Azure ML says: in the watch of an environment, and after a rollback."""

import logging
from collections.abc import Mapping

from shared.application.platform_ports import DeploymentState, Place
from shared.application.release.effects.answers import PLATFORM_FAULTS, answer
from shared.application.release.ports import Ports
from shared.domain.fleet.batch_jobs import BatchJobs
from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.model import Release

log = logging.getLogger(__name__)


async def count_batch_jobs(command: c.CountBatchJobs, release: Release, ports: Ports) -> e.Event:
    """Reads what the daily inference recorded, and the deployments. Where Azure ML does not answer nothing is known of
    these, which is no bad news about production."""
    outcomes = await ports.batch_outcomes.since(command.target_keys, command.since)
    states = await _states(command, ports)
    jobs = BatchJobs(
        succeeded=sum(each.succeeded for each in outcomes.values()),
        failed={key: each.failed for key, each in sorted(outcomes.items()) if each.failed},
        unclear=sum(each.unclear for each in outcomes.values()),
        missing=tuple(sorted(key for key, each in outcomes.items() if not each.succeeded)),
        broken=await _broken(command, states, ports) if states is not None and command.endpoints else (),
    )
    return answer(e.BatchJobsCounted, command, ports, jobs=jobs)


async def read_restored(command: c.ReadRestored, release: Release, ports: Ports) -> e.Event | None:
    """Where Azure ML does not answer, or still changes one of them, the next look asks again."""
    states = await _states(command, ports)
    if states is None or any(states[key].is_changing for key in command.target_keys if key in states):
        return None
    return answer(e.RestoredRead, command, ports, broken=await _broken(command, states, ports))


async def _states(command: c.CountBatchJobs | c.ReadRestored, ports: Ports) -> dict[str, DeploymentState] | None:
    """What each circuit runs on these endpoints; None where Azure ML does not answer."""
    found: dict[str, DeploymentState] = {}
    for endpoint in command.endpoints:
        try:
            states = await ports.environments.list_deployments(Place.PRODUCTION, endpoint)
        except PLATFORM_FAULTS as error:
            log.warning("nobody can see %s: %s", endpoint, error, extra={"release_id": command.release_id})
            return None
        found |= {state.spec.circuit: state for state in states}
    return found


async def _broken(
    command: c.CountBatchJobs | c.ReadRestored, states: Mapping[str, DeploymentState], ports: Ports
) -> tuple[str, ...]:
    """The circuits whose deployment has failed or is gone, but for those that another release is changing."""
    broken = sorted(key for key in command.target_keys if key not in states or states[key].is_broken)
    locks = {key: await ports.locks.get(key) for key in broken}
    return tuple(key for key, lock in locks.items() if lock is None or lock.holder in ("", command.release_id))
