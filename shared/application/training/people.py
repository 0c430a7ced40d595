"""What people do with runs: list them, read one, abort one, and read where a model comes from."""

from dataclasses import dataclass, replace

from shared.application.errors import ConcurrentUpdate, NotFound, TransientFault
from shared.application.listed import Listed, all_of, or_unreadable, parted
from shared.application.training.effects import artifact_name
from shared.application.training.ports import DataSeen, ModelSeen, Slot, TrainingPorts, look_of
from shared.domain.errors import Conflict, InvalidRequest
from shared.domain.people import check_member
from shared.domain.release.model import Actor
from shared.domain.training.lineage import TRAINING_RUN
from shared.domain.training.model import TrainingPhase, TrainingRun
from shared.domain.training.steps import entered

_TRIES = 5
_ABORTABLE = (TrainingPhase.REGISTERING_DATA, TrainingPhase.WAITING_FOR_SLOT, TrainingPhase.TRAINING)


class NoSuchTraining(NotFound):
    """There is no training run with this id, or no model with this name and version."""


@dataclass(frozen=True, kw_only=True)
class Trainings:
    """What a page of runs shows; `after` is where the next one begins."""

    runs: Listed[TrainingRun]
    slots: list[Slot]
    parallel_max: int
    after: str = ""


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """Where a model comes from, each part as it was read just now; None or empty where Azure ML has none.

    `job_data` is the data asset that the training job read, by Azure ML's own record and not by a tag.
    """

    model: ModelSeen
    data: DataSeen | None
    job_data: str
    run: TrainingRun | None
    artifact: dict[str, str] | None


async def list_trainings(ports: TrainingPorts, limit: int, after: str = "") -> Trainings:
    """Open runs, the oldest first, then ended ones, the latest end first: those behind `after`."""
    page = await ports.runs.listed(limit, after)
    stored = await all_of(page.records, ports.runs.load)
    slots = parted([await or_unreadable(lambda _: ports.slots.taken())("")])
    return Trainings(
        runs=Listed((each.run for each in stored), (*stored.unreadable, *slots.unreadable)),
        slots=[slot for taken in slots for slot in taken],
        parallel_max=ports.config.plan().limits.parallel_max,
        after=page.after,
    )


async def read_training(run_id: str, ports: TrainingPorts) -> TrainingRun:
    """Raises NoSuchTraining and Unreadable."""
    stored = await ports.runs.load(run_id)
    if stored is None:
        raise NoSuchTraining(f"there is no training run {run_id}: list the trainings to find its id")
    return stored.run


async def abort_training(run_id: str, actor: Actor, reason: str, ports: TrainingPorts) -> TrainingRun:
    """Ends a run before its model is registered: its job is cancelled and its slot goes to the next one.

    Raises NotEligible, InvalidRequest without a reason, Conflict when it is too late, NoSuchTraining.
    """
    check_member(ports.config.plan().groups, actor, "abort trainings")
    if not reason.strip():
        raise InvalidRequest("say why: an abort needs a reason")
    for _ in range(_TRIES):
        stored = await ports.runs.load(run_id)
        if stored is None:
            raise NoSuchTraining(f"there is no training run {run_id}: list the trainings to find its id")
        run = stored.run
        if run.aborted_by:
            return run
        if run.phase not in _ABORTABLE:
            left = "nothing is left to abort" if run.failure else "reject the model in its release"
            raise Conflict(f"run {run_id} is {run.phase.value}, too late to abort it: {left}")
        wish = replace(run, abort_reason=" ".join(reason.split()), aborted_by=actor.username or actor.name)
        limits = ports.config.plan().limits
        aborted = entered(wish, TrainingPhase.CANCELING, ports.clock.now(), limits, f"the end of job {run.job_name}")
        try:
            await ports.runs.save(aborted, stored.version)
        except ConcurrentUpdate:
            continue  # it went on meanwhile: look again whether it can still be aborted
        await ports.queue.send(look_of(run_id), f"{run_id}-{aborted.serial}-abort")
        return aborted
    raise TransientFault(f"run {run_id} kept changing: try again")


async def lineage_of(name: str, version: str, ports: TrainingPorts) -> Lineage:
    """From a model of the dev workspace back to its data, job, commit and pull request. Raises NoSuchTraining.

    `name` is the model's name, or `<plant id>/<circuit id>` for the name its models are registered under.
    """
    plant_id, slash, circuit_id = name.partition("/")
    model_name = ports.config.model_name(plant_id, circuit_id) if slash else name
    model = await ports.platform.get_model(model_name, version)
    if model is None:
        raise NoSuchTraining(f"there is no model {model_name}:{version} in the dev workspace")
    asset, asset_version = model.tags.get("data_asset_name", ""), model.tags.get("data_asset_version", "")
    data = await ports.platform.get_data(asset, asset_version) if asset and asset_version else None
    job_data = await ports.platform.data_input(model.job_name) if model.job_name else ""
    stored = await ports.runs.load(model.tags.get(TRAINING_RUN, "")) if model.tags.get(TRAINING_RUN) else None
    run = stored.run if stored else None
    artifact = await ports.artifacts.get(artifact_name(run)) if run and run.model_version else None
    return Lineage(model=model, data=data, job_data=job_data, run=run, artifact=artifact)
