"""Asking for training: by a merge, or by a person."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from shared.application.training.ports import TrainingPorts, look_of
from shared.domain.errors import Conflict, InvalidRequest
from shared.domain.makers import Account, AccountKind
from shared.domain.people import check_member
from shared.domain.release.model import Actor
from shared.domain.training.model import MANUAL, TrainingPhase, TrainingRequest, TrainingRun, run_id_of
from shared.domain.training.steps import entered

log = logging.getLogger(__name__)

REPETITIONS_MAX = 50
"""How often one and the same thing is trained by hand; more is a mistake that another try does not mend."""


async def request_trainings(requests: Sequence[TrainingRequest], ports: TrainingPorts) -> list[str]:
    """Starts a run for each request and returns their ids. The same request gives the same id and starts nothing twice;
    after a fault in the middle, asking again for all of them starts those that are missing."""
    return [(await _start(request, 0, ports)).run_id for request in requests]


async def train_by_hand(
    plant_id: str, circuit_id: str, cutoff_date: date | None, actor: Actor, ports: TrainingPorts
) -> tuple[TrainingRun, bool]:
    """Trains a circuit as the configuration in force says, up to `cutoff_date` or to the configuration's own; the run,
    and whether it is new. While such a run is open or after it made its model, that run is the answer.

    Raises NotEligible, and InvalidRequest for a circuit or a date that cannot be.
    """
    check_member(ports.config.plan().groups, actor, "train models")
    circuit = ports.config.circuit(plant_id, circuit_id)
    if circuit is None:
        raise InvalidRequest(f"circuit {plant_id}/{circuit_id} is not in config/plants_circuits.yml")
    cutoff = cutoff_date or circuit.cutoff_date
    if cutoff >= ports.clock.now().date():
        raise InvalidRequest(f"the cutoff date {cutoff} is not over yet: training data are whole days of the past")
    request = replace(
        circuit,
        cutoff_date=cutoff,
        pr_number=MANUAL,
        author=actor.username or actor.object_id,
        makers=(Account(kind=AccountKind.ENTRA, name=actor.object_id, proven=True),),
    )
    for repetition in range(REPETITIONS_MAX):
        stored = await ports.runs.load(run_id_of(request, repetition))
        if stored is None:
            return await _start(request, repetition, ports), True
        if stored.run.phase not in (TrainingPhase.FAILED, TrainingPhase.ABORTED):
            return stored.run, False
    raise Conflict(f"this was trained {REPETITIONS_MAX} times without success: change the configuration first")


async def _start(request: TrainingRequest, repetition: int, ports: TrainingPorts) -> TrainingRun:
    now = ports.clock.now()
    run = TrainingRun(
        run_id=run_id_of(request, repetition),
        request=request,
        model_name=ports.config.model_name(request.plant_id, request.circuit_id),
        requested_at=now,
        phase=TrainingPhase.REGISTERING_DATA,
        since=now,
        deadline_at=None,
        look_at=now,
    )
    run = entered(run, TrainingPhase.REGISTERING_DATA, now, ports.config.plan().limits, "the registration of its data")
    if await ports.runs.create(run):
        log.info("training of %s/%s asked for", request.plant_id, request.circuit_id, extra={"run_id": run.run_id})
    await ports.queue.send(look_of(run.run_id), f"{run.run_id}-asked")
    return run
