"""Carrying commands out. Every handler is safe to repeat, and answers with an event of its release.

A command of an earlier serial is stale and is dropped: its release has moved on. Faults of Azure ML are answers too
(`release/effects/answers.py`); what they mean is for the core to decide.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from shared.application.fleet import checks, propose, rollback, working
from shared.application.fleet import effects as fleet
from shared.application.online import candidate, endpoints, slot_tests
from shared.application.platform_ports import Place
from shared.application.release.effects import deploy, marks, models, test_runs
from shared.application.release.effects.answers import PLATFORM_FAULTS, fault_answer
from shared.application.release.handle_events import handle_answer
from shared.application.release.ports import Ports
from shared.domain.records import replace
from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.model import Release

log = logging.getLogger(__name__)

CommandT = TypeVar("CommandT", bound=c.Command)

Verb = Callable[[Any, Ports], Awaitable[None]]


async def carry_out(command: c.Command, ports: Ports) -> None:
    """Carries `command` out. Raises TransientFault when store, lock or bus do not answer: it is safe to try again."""
    await VERBS[type(command)](command, ports)


def _step(
    handler: Callable[[CommandT, Release, Ports], Awaitable[e.Event | None]], *, looks_again: bool = False
) -> Verb:
    """Runs the handler of a step unless the command is stale, and tells the release the event that it answers with.
    A handler that `looks_again` at the stored release, right before or after what must not be done for one that has
    moved on, is given what this process remembers of it."""

    async def carried_out(command: CommandT, ports: Ports) -> None:
        release = await (_recalled(command, ports) if looks_again else ports.store.without_fleet(command.release_id))
        if release is None or release.serial != command.serial:
            log.info("stale command %s dropped", command.command_id, extra={"release_id": command.release_id})
            return
        try:
            event = await handler(command, release, ports)
        except PLATFORM_FAULTS as error:
            event = fault_answer(error, command, ports)
        if event is not None:
            await handle_answer(event, ports)

    return carried_out


async def _recalled(command: c.Command, ports: Ports) -> Release | None:
    """The release without its fleet, as this process remembers it where that says that the command is not stale."""
    recalled = await ports.store.recall(command.release_id)
    if recalled is not None and recalled.release.serial == command.serial:
        return replace(recalled.release, fleet=())
    return await ports.store.without_fleet(command.release_id)


async def _publish(command: c.PublishFact, ports: Ports) -> None:
    data = {
        "release_id": command.release_id,
        "phase": command.phase.value,
        "reason": command.reason,
        "at": command.at.isoformat(),
    }
    if command.history_digest:
        data |= {"history_number": str(command.history_number), "history_digest": command.history_digest}
    kind = f"switchyard.release.{command.phase.value}"
    await ports.facts.publish(command.command_id, kind, command.subject, data, command.at)


async def _cancel(command: c.CancelTest, ports: Ports) -> None:
    """Cancels a job whose result no release needs; failing to cancel it does no harm."""
    try:
        await ports.platform.cancel_job(Place.DEV if command.in_dev else Place.TEST, command.job_name)
    except PLATFORM_FAULTS as error:
        log.warning("job %s could not be cancelled: %s", command.job_name, error)


#: What carries out each command; a ScheduleEvent never comes here, because `dispatch` sends its event itself.
VERBS: dict[type[c.Command], Verb] = {
    c.VerifyCandidate: _step(models.verify_candidate),
    c.PromoteCandidate: _step(models.promote_candidate),
    c.AcquireCircuit: _step(deploy.acquire_circuit),
    c.RecordPrevious: _step(deploy.record_previous),
    c.Deploy: _step(deploy.deploy),
    c.ObserveDeployment: _step(deploy.observe_deployment),
    c.StartTest: _step(test_runs.start_test),
    c.ObserveTest: _step(test_runs.observe_test),
    c.VerifyEnvironment: _step(fleet.verify_environment),
    c.PromoteEnvironment: _step(fleet.promote_environment),
    c.AcquireFleet: _step(fleet.acquire_fleet),
    c.ListTargets: _step(fleet.list_targets),
    c.CheckTarget: _step(checks.check_target, looks_again=True),
    c.ChangeTarget: _step(fleet.change_target, looks_again=True),
    c.ProbeTarget: _step(rollback.probe_target),
    c.CountBatchJobs: _step(working.count_batch_jobs),
    c.ReadRestored: _step(working.read_restored),
    c.VerifyOnline: _step(candidate.verify_online),
    c.StartComparison: _step(candidate.start_comparison),
    c.ObserveComparison: _step(candidate.observe_comparison),
    c.PromoteOnline: _step(candidate.promote_online),
    c.RecordEndpoint: _step(endpoints.record_endpoint),
    c.PutSlot: _step(endpoints.put_slot),
    c.TestSlot: _step(slot_tests.test_slot),
    c.MoveTraffic: _step(endpoints.move_traffic),
    c.PutBack: _step(endpoints.put_back),
    c.RemoveSlots: _step(endpoints.remove_slots),
    c.FreeCircuit: deploy.free_circuit,
    c.FreeFleet: fleet.free_fleet,
    c.MarkRolledBack: marks.mark_rolled_back,
    c.ProposeEnvironment: propose.propose_environment,
    c.CancelTest: _cancel,
    c.CancelChecks: checks.cancel_checks,
    c.PublishFact: _publish,
}
