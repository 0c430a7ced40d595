"""The steps of a run, each safe to carry out twice: what it does, and the run as it is afterwards."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime

from shared.application.training.ending import free_slot, settle
from shared.application.training.ports import TrainingJob, TrainingPorts
from shared.domain.job_ends import JobSeen
from shared.domain.training.lineage import TRAINING_RUN, artifact_of, data_asset_of, model_tags
from shared.domain.training.model import TrainingPhase, TrainingRun, data_asset_name
from shared.domain.training.steps import Next, Step, entered, tried_again, waiting


async def carry_out(step: Next, run: TrainingRun, job: JobSeen | None, ports: TrainingPorts) -> TrainingRun:
    """Raises the errors of the ports; then the run stays as it is."""
    return await _EFFECTS[step.step](step, run, job, ports)


def artifact_name(run: TrainingRun) -> str:
    """Where a model's metadata is kept; the last part is the name of its file (R-TRAIN-16)."""
    wish = run.request
    circuit = f"{wish.plant_id}_{wish.circuit_id}"
    return f"model-{wish.plant_id}-{wish.circuit_id}/{run.model_version}/model_artifact_{circuit}.json"


async def _register_data(step: Next, run: TrainingRun, job: JobSeen | None, ports: TrainingPorts) -> TrainingRun:
    now, plan = ports.clock.now(), ports.config.plan()
    asset = data_asset_of(run, plan.table_uri, now)
    data_asset = await ports.platform.register_data(asset, plan.environment_name, run.request.environment_version)
    return entered(
        replace(run, data_asset=data_asset),
        TrainingPhase.WAITING_FOR_SLOT,
        now,
        plan.limits,
        "one of the training slots",
    )


async def _claim_slot(step: Next, run: TrainingRun, job: JobSeen | None, ports: TrainingPorts) -> TrainingRun:
    now, limits = ports.clock.now(), ports.config.plan().limits
    if await ports.slots.claim(run.run_id, now, limits.parallel_max):
        return entered(run, TrainingPhase.TRAINING, now, limits, f"job {run.job_name}")
    return waiting(run, await _who_trains(ports), now, limits.look_interval_s)


async def _submit(step: Next, run: TrainingRun, job: JobSeen | None, ports: TrainingPorts) -> TrainingRun:
    now, plan = ports.clock.now(), ports.config.plan()
    if not await ports.slots.claim(run.run_id, now, plan.limits.parallel_max):  # somebody took it away
        return waiting(run, await _who_trains(ports), now, plan.limits.look_interval_s)
    await ports.platform.submit(
        TrainingJob(
            job_name=run.job_name,
            run_id=run.run_id,
            request=run.request,
            data_asset=data_asset_name(run.request),
            data_version=run.request.cutoff_date.isoformat(),
            environment_name=plan.environment_name,
            compute=plan.compute,
            table_uri=plan.table_uri,
            limit_s=plan.limits.job_limit_s,
        )
    )
    return waiting(run, f"job {run.job_name}", now, plan.limits.look_interval_s)


async def _wait(step: Next, run: TrainingRun, job: JobSeen | None, ports: TrainingPorts) -> TrainingRun:
    said = f", which is {job.status}" if job and job.status else ""
    return _looked(run, f"job {run.job_name}{said}", ports)


async def _free_slot(step: Next, run: TrainingRun, job: JobSeen | None, ports: TrainingPorts) -> TrainingRun:
    await free_slot(run.run_id, ports)
    now, limits = ports.clock.now(), ports.config.plan().limits
    return entered(
        replace(run, trained_at=run.trained_at or now),
        TrainingPhase.REGISTERING_MODEL,
        now,
        limits,
        "the model's registration",
    )


async def _try_again(step: Next, run: TrainingRun, job: JobSeen | None, ports: TrainingPorts) -> TrainingRun:
    return tried_again(run, ports.clock.now(), str(job))


async def _choose_version(step: Next, run: TrainingRun, job: JobSeen | None, ports: TrainingPorts) -> TrainingRun:
    """The version is recorded before the model is registered under it, so that a crash in between registers no second
    one; a model of this run that is there already is taken as it is."""
    there = await ports.platform.versions(run.model_name)
    own = [each.version for each in there if each.tags.get(TRAINING_RUN) == run.run_id]
    numbers = [int(each.version) for each in there if each.version.isascii() and each.version.isdecimal()]
    following = str(max(numbers, default=0) + 1)
    return replace(run, model_version=own[0] if own else following, serial=run.serial + 1)


async def _register_model(step: Next, run: TrainingRun, job: JobSeen | None, ports: TrainingPorts) -> TrainingRun:
    now, plan = ports.clock.now(), ports.config.plan()
    tags = model_tags(run, plan.environment_name, await ports.platform.trained(run.job_name))
    model = await ports.platform.register_model(run.model_name, run.model_version, run.job_name, tags)
    if model.tags.get(TRAINING_RUN) != run.run_id:  # another model of the circuit took the version
        return replace(run, model_version="", serial=run.serial + 1)
    return entered(run, TrainingPhase.RECORDING, now, plan.limits, "its artifact to be stored")


async def _store_artifact(step: Next, run: TrainingRun, job: JobSeen | None, ports: TrainingPorts) -> TrainingRun:
    await ports.artifacts.put(artifact_name(run), artifact_of(run, ports.config.plan().dev_workspace))
    return await _end(Next(step=Step.END, phase=TrainingPhase.SUCCEEDED), run, job, ports)


async def _cancel(step: Next, run: TrainingRun, job: JobSeen | None, ports: TrainingPorts) -> TrainingRun:
    await ports.platform.cancel(run.job_name)
    return _looked(run, f"the end of job {run.job_name}", ports)


async def _give_up(step: Next, run: TrainingRun, job: JobSeen | None, ports: TrainingPorts) -> TrainingRun:
    now, limits = ports.clock.now(), ports.config.plan().limits
    failing = replace(run, failure=step.failure)
    return entered(failing, TrainingPhase.CANCELING, now, limits, f"the end of job {run.job_name}")


async def _end(step: Next, run: TrainingRun, job: JobSeen | None, ports: TrainingPorts) -> TrainingRun:
    if step.phase is None:
        raise AssertionError("END says in which phase")
    now = ports.clock.now()
    return entered(replace(run, failure=step.failure), step.phase, now, ports.config.plan().limits)


async def _settle(step: Next, run: TrainingRun, job: JobSeen | None, ports: TrainingPorts) -> TrainingRun:
    return await settle(run, ports)


async def _nothing(step: Next, run: TrainingRun, job: JobSeen | None, ports: TrainingPorts) -> TrainingRun:
    return run


async def _who_trains(ports: TrainingPorts) -> str:
    holders = sorted(slot.run_id for slot in await ports.slots.taken())
    return f"one of the training slots; they are taken by {', '.join(holders)}" if holders else "a training slot"


def _looked(run: TrainingRun, what: str, ports: TrainingPorts) -> TrainingRun:
    now: datetime = ports.clock.now()
    return waiting(run, what, now, ports.config.plan().limits.look_interval_s)


_EFFECTS: dict[Step, Callable[[Next, TrainingRun, JobSeen | None, TrainingPorts], Awaitable[TrainingRun]]] = {
    Step.REGISTER_DATA: _register_data,
    Step.CLAIM_SLOT: _claim_slot,
    Step.SUBMIT_JOB: _submit,
    Step.WAIT: _wait,
    Step.FREE_SLOT: _free_slot,
    Step.TRY_AGAIN: _try_again,
    Step.CHOOSE_VERSION: _choose_version,
    Step.REGISTER_MODEL: _register_model,
    Step.STORE_ARTIFACT: _store_artifact,
    Step.CANCEL_JOB: _cancel,
    Step.GIVE_UP_JOB: _give_up,
    Step.END: _end,
    Step.SETTLE: _settle,
    Step.NOTHING: _nothing,
}
