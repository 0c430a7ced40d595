"""Carrying commands out. Every handler is safe to repeat, and answers with an event of its release.

A command of an earlier serial is stale and is dropped: its release has moved on. Technical faults become StepErrored,
refusals StepFailed, silence OutcomeUnknown; what they mean is for the core to decide.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from shared.application.alerts.assess import assess_alert
from shared.application.errors import PlatformErrored, PlatformOutcomeUnknown, PlatformRefused
from shared.application.platform_ports import Place
from shared.application.release.effects import checks, deploy, fleet, models, rollback, test_runs
from shared.application.release.effects.answers import answer
from shared.application.release.ports import Ports
from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.model import Release

log = logging.getLogger(__name__)

StepHandler = Callable[[Any, Release, Ports], Awaitable[e.Event | None]]

#: Commands that carry a step out or look at it; they answer, and they are dropped when stale.
STEP_HANDLERS: dict[type[c.Command], StepHandler] = {
    c.VerifyCandidate: models.verify_candidate,
    c.PromoteCandidate: models.promote_candidate,
    c.AcquireCircuit: deploy.acquire_circuit,
    c.RecordPrevious: deploy.record_previous,
    c.Deploy: deploy.deploy,
    c.ObserveDeployment: deploy.observe_deployment,
    c.StartTest: test_runs.start_test,
    c.ObserveTest: test_runs.observe_test,
    c.VerifyEnvironment: fleet.verify_environment,
    c.PromoteEnvironment: fleet.promote_environment,
    c.AcquireFleet: fleet.acquire_fleet,
    c.ListTargets: fleet.list_targets,
    c.CheckTarget: checks.check_target,
    c.ChangeTarget: fleet.change_target,
    c.ProbeTarget: rollback.probe_target,
    c.CountBatchJobs: fleet.count_batch_jobs,
}


async def carry_out(command: c.Command, ports: Ports) -> None:
    """Carries `command` out. Raises TransientFault when store, lock or bus do not answer: it is safe to try again."""
    if isinstance(command, c.PublishFact):
        await _publish(command, ports)
    elif isinstance(command, c.FreeCircuit):
        await deploy.free_circuit(command, ports)
    elif isinstance(command, c.FreeFleet):
        await fleet.free_fleet(command, ports)
    elif isinstance(command, c.CancelTest):
        await _cancel(command, ports)
    elif isinstance(command, c.CancelChecks):
        await checks.cancel_checks(command, ports)
    elif isinstance(command, c.AssessAlert):
        await assess_alert(command.alert_key, ports)
    else:
        await _carry_out_step(command, ports)


async def _carry_out_step(command: c.Command, ports: Ports) -> None:
    release = await ports.store.without_fleet(command.release_id)  # a command brings what it needs of its target
    if release is None or release.serial != command.serial:
        log.info("stale command %s dropped", command.command_id, extra={"release_id": command.release_id})
        return
    try:
        event = await STEP_HANDLERS[type(command)](command, release, ports)
    except PlatformErrored as error:
        event = answer(e.StepErrored, command, ports, reason=str(error))
    except PlatformRefused as error:
        event = answer(e.StepFailed, command, ports, reason=str(error))
    except PlatformOutcomeUnknown as error:
        event = answer(e.OutcomeUnknown, command, ports, reason=str(error))
    if event is not None:
        await ports.events.publish(event)


async def _publish(command: c.PublishFact, ports: Ports) -> None:
    data = {
        "release_id": command.release_id,
        "phase": command.phase.value,
        "reason": command.reason,
        "at": command.at.isoformat(),
    }
    kind = f"switchyard.release.{command.phase.value}"
    await ports.facts.publish(command.command_id, kind, command.subject, data, command.at)


async def _cancel(command: c.CancelTest, ports: Ports) -> None:
    """Nobody waits for the job any more; that it cannot be stopped harms nothing."""
    try:
        await ports.platform.cancel_job(Place.TEST, command.job_name)
    except (PlatformErrored, PlatformRefused, PlatformOutcomeUnknown) as error:
        log.warning("job %s could not be cancelled: %s", command.job_name, error)
