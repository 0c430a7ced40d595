"""Daily inference: each circuit of production once a day, tries that are bounded, and what is told of failures."""

import asyncio
import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from shared.application.errors import PlatformErrored, PlatformRefused, PlatformThrottled, PortError
from shared.application.platform_ports import Place
from shared.application.release.ports import Outcomes
from shared.application.routines.inference import RecordedOutcomes
from shared.application.routines.look import give_up, look
from shared.application.routines.looked_after import nets
from shared.application.routines.start import start, start_by_hand, start_due
from shared.application.work.sweep import sweep
from shared.domain.errors import InvalidRequest, NotEligible
from shared.domain.routines.task import EndKind, Routine, TaskState
from tests.support.benches.routines import CIRCUITS, ENGINEER, STRANGER, Production

DAY = "2026-01-05"


@pytest.fixture
def production() -> Production:
    return Production()


async def test_every_circuit_of_production_is_invoked_once_and_its_day_is_published(production: Production) -> None:
    """The timer's day is yesterday, and deployments are named, however many an endpoint has."""
    assert await start_due(Routine.INFERENCE, production.ports) == 3
    await production.go_on()

    assert [task.state for task in await production.tasks.of(Routine.INFERENCE, DAY)] == [TaskState.SUCCEEDED] * 3
    assert sorted(production.platform.batch_jobs.values()) == [
        ("batch-endpoint-plant-P001", "deployment-circuit-c001"),
        ("batch-endpoint-plant-P001", "deployment-circuit-c002"),
        ("batch-endpoint-plant-P002", "deployment-circuit-c001"),
    ]
    assert sorted(production.platform.published) == [
        f"predictions/{circuit.replace('-', '/')}/{DAY}.parquet" for circuit in CIRCUITS
    ]
    assert await production.tasks.open() == []
    assert production.facts.facts == {}


async def test_doing_every_step_twice_changes_nothing_the_second_time(production: Production) -> None:
    await start(Routine.INFERENCE, DAY, production.ports)
    await production.go_on()
    before = (dict(production.tasks.tasks), list(production.platform.started), dict(production.facts.facts))

    assert await start(Routine.INFERENCE, DAY, production.ports) == 0
    for task, _ in list(production.tasks.tasks.values()):
        await look(task.ref, production.ports)
    await production.go_on()

    assert before == (production.tasks.tasks, production.platform.started, production.facts.facts)


async def test_of_many_looks_at_once_one_starts_the_job(production: Production) -> None:
    """All of them read the task before any of them wrote it."""
    await start(Routine.INFERENCE, DAY, production.ports)
    ref = (await production.task(Routine.INFERENCE, DAY)).ref
    seen = await asyncio.gather(*(look(ref, production.ports) for _ in range(5)))
    assert [task is None for task in seen].count(False) == 1
    assert production.platform.started == [f"inference-{DAY}-p001-c001-1"]


async def test_starts_are_paced(production: Production) -> None:
    await start(Routine.INFERENCE, DAY, production.ports)
    times = sorted(each.at for each in production.queue.sent if each.at)
    assert [(later - times[0]).total_seconds() for later in times] == [0, 2, 4]


async def test_a_new_deployment_joins_the_day(production: Production) -> None:
    await start(Routine.INFERENCE, DAY, production.ports)
    production.deploy("P003-C002")
    assert await start(Routine.INFERENCE, DAY, production.ports) == 1


async def test_of_two_deployments_of_a_circuit_the_configured_one_is_invoked(production: Production) -> None:
    production.deploy("P001-C001", "deployment-circuit-c001-old")
    await start(Routine.INFERENCE, DAY, production.ports)
    assert (await production.task(Routine.INFERENCE, DAY)).deployment_name == "deployment-circuit-c001"


async def test_a_failed_job_is_tried_again_and_raises_an_alert(production: Production) -> None:
    production.platform.statuses[f"inference-{DAY}-p001-c001-1"] = "Failed"
    await start(Routine.INFERENCE, DAY, production.ports)
    await production.go_on()

    task = await production.task(Routine.INFERENCE, DAY)
    assert (task.state, task.attempt) == (TaskState.SUCCEEDED, 2)
    assert [end.kind for end in task.ends] == [EndKind.FAILED, EndKind.COMPLETED]
    assert production.alerts() == [("batch-job-failure", "P001-C001")]
    data = next(iter(production.facts.facts.values()))[2]
    assert (data["severity"], data["endpoint_name"]) == ("1", "batch-endpoint-plant-P001")


async def test_tries_are_bounded_and_then_the_day_is_missing(production: Production) -> None:
    production.models.job_status = "Failed"
    await start(Routine.INFERENCE, DAY, production.ports)
    await production.go_on()

    task = await production.task(Routine.INFERENCE, DAY)
    assert (task.state, len(task.ends)) == (TaskState.FAILED, 3)
    assert len(production.platform.started) == 9
    alerts = [rule for rule, circuit in production.alerts() if circuit == "P001-C001"]
    assert alerts == ["batch-job-failure"] * 3 + ["predictions-missing"]


async def test_pauses_between_tries_double(production: Production) -> None:
    production.models.job_status = "Failed"
    await start(Routine.INFERENCE, DAY, production.ports)
    await production.go_on()
    ends = [end.ended_at for end in (await production.task(Routine.INFERENCE, DAY)).ends]
    first, second = ((later - earlier).total_seconds() for earlier, later in pairwise(ends))
    pause_s = production.ports.policy.limits[Routine.INFERENCE].retry_pause_s
    assert pause_s <= first < pause_s + 200
    assert 2 * pause_s <= second < 2 * pause_s + 200


async def test_the_last_try_for_missing_rows_comes_after_the_load_that_closes_the_day(production: Production) -> None:
    """The load of 6:00 brings the last rows of the day; tries that are all before it would see the same table."""
    production.models.predicted_by = {"P001-C001": None}
    await start(Routine.INFERENCE, DAY, production.ports)
    await production.go_on()
    task = await production.task(Routine.INFERENCE, DAY)
    assert task.ends[-1].ended_at > datetime(2026, 1, 6, 8, tzinfo=UTC)  # a load runs two hours at most
    assert not task.is_late(production.clock.now(), production.ports.policy.limits[Routine.INFERENCE])


async def test_a_job_that_predicted_nothing_is_no_failure_of_production(production: Production) -> None:
    """The sensor has no rows of the day: tried again, since they may come late; then missing."""
    production.models.predicted_by = {"P001-C001": None}
    await start(Routine.INFERENCE, DAY, production.ports)
    await production.go_on()

    task = await production.task(Routine.INFERENCE, DAY)
    assert task.state is TaskState.FAILED
    assert "no usable rows" in task.detail
    assert production.alerts() == [("predictions-missing", "P001-C001")]


async def test_a_lost_answer_starts_no_second_job(production: Production) -> None:
    production.platform.lose_answers = 3
    await start(Routine.INFERENCE, DAY, production.ports)
    await production.go_on()
    assert len(production.platform.started) == 3
    assert {task.state for task in await production.tasks.of(Routine.INFERENCE, DAY)} == {TaskState.SUCCEEDED}


async def test_a_job_that_was_never_started_is_asked_for_again_under_the_same_name(production: Production) -> None:
    production.platform.faults = [PlatformErrored("no answer"), PlatformThrottled("wait", retry_after_s=300)]
    await start(Routine.INFERENCE, DAY, production.ports)
    await production.go_on()
    tasks = await production.tasks.of(Routine.INFERENCE, DAY)
    assert [(task.state, task.attempt) for task in tasks] == [(TaskState.SUCCEEDED, 1)] * 3


async def test_a_refused_job_uses_up_a_try_and_raises_an_alert(production: Production) -> None:
    production.platform.refusing = {"deployment-circuit-c002"}
    await start(Routine.INFERENCE, DAY, production.ports)
    await production.go_on()
    task = await production.task(Routine.INFERENCE, DAY, "P001-C002")
    assert [end.kind for end in task.ends] == [EndKind.NOT_STARTED] * 3
    assert ("batch-job-failure", "P001-C002") in production.alerts()


async def test_a_job_that_hangs_is_ended_and_tried_again(production: Production) -> None:
    production.models.reads_in_progress = 10_000
    await start(Routine.INFERENCE, DAY, production.ports)
    await production.go_on(hours=2.5)
    task = await production.task(Routine.INFERENCE, DAY)
    assert task.ends[0].kind is EndKind.FAILED
    assert "took longer than 7200 s" in task.ends[0].detail


@pytest.mark.parametrize("fault", [PlatformRefused("not allowed"), PlatformErrored("no answer")])
async def test_a_hanging_job_that_cannot_be_ended_holds_up_no_further_try(
    production: Production, fault: PortError
) -> None:
    """A refusal counts at once, silence after twice the deadline; the next try has a job of another name."""
    production.models.reads_in_progress = 10_000
    production.models.cancel_faults = [fault] * 1000
    await start(Routine.INFERENCE, DAY, production.ports)
    ref = (await production.task(Routine.INFERENCE, DAY)).ref
    end = production.clock.now() + timedelta(hours=5)
    while not (task := await production.task(Routine.INFERENCE, DAY)).ends and production.clock.now() < end:
        with contextlib.suppress(PlatformErrored):  # the queue would bring the look again
            await look(ref, production.ports)
        production.clock.advance(60)
    assert (task.state, task.attempt) == (TaskState.PENDING, 2)
    assert f"took longer than 7200 s and could not be ended: {fault}" in task.ends[0].detail


async def test_a_job_that_was_ended_for_taking_too_long_has_failed_though_the_answer_to_that_was_lost(
    production: Production,
) -> None:
    """Azure ML says cancelled then, and nobody else cancelled it: the alert is raised, and the watch counts it."""
    production.models.reads_in_progress = 10_000
    production.models.cancel_faults = [PlatformErrored("no answer")]
    await start(Routine.INFERENCE, DAY, production.ports)
    ref = (await production.task(Routine.INFERENCE, DAY)).ref
    await look(ref, production.ports)
    production.clock.advance(7201)
    with pytest.raises(PlatformErrored):
        await look(ref, production.ports)
    [job_name] = [name for name in production.platform.started if "c001" in name and "p001" in name]
    await production.models.cancel_job(Place.PRODUCTION, job_name)
    task = await look(ref, production.ports)
    assert task is not None
    assert task.ends[0].kind is EndKind.FAILED
    assert "took longer than 7200 s" in task.ends[0].detail
    assert ("batch-job-failure", "P001-C001") in production.alerts()


async def test_lost_messages_are_made_good_by_the_sweeper(production: Production) -> None:
    await start(Routine.INFERENCE, DAY, production.ports)
    production.queue.sent.clear()
    assert (await sweep(nets(production.ports))).made_good["tasks"] == 0  # they are not late yet
    production.clock.advance(300)
    assert (await sweep(nets(production.ports))).made_good["tasks"] == 3
    await production.go_on()
    assert {task.state for task in await production.tasks.of(Routine.INFERENCE, DAY)} == {TaskState.SUCCEEDED}


async def test_a_task_that_was_looked_at_is_late_by_its_own_time_and_not_by_its_age(production: Production) -> None:
    production.models.reads_in_progress = 10_000
    await start(Routine.INFERENCE, DAY, production.ports)
    production.clock.advance(3600)
    for circuit in CIRCUITS:
        await look((await production.task(Routine.INFERENCE, DAY, circuit)).ref, production.ports)
    production.queue.sent.clear()
    production.clock.advance(60)
    assert (await sweep(nets(production.ports))).made_good["tasks"] == 0
    production.clock.advance(61)
    assert (await sweep(nets(production.ports))).made_good["tasks"] == 3


async def test_a_crash_while_tasks_are_made_is_made_good_by_the_sweeper(production: Production) -> None:
    await production.tasks.begin(Routine.INFERENCE, DAY)
    await sweep(nets(production.ports))
    assert len(await production.tasks.of(Routine.INFERENCE, DAY)) == 3
    assert await production.tasks.begun() == []


async def test_a_crash_between_the_end_and_telling_loses_no_alert(production: Production) -> None:
    """The end is durable and nobody was told: the task is still open, and the next look tells once."""
    production.models.job_status = "Failed"
    await start(Routine.INFERENCE, DAY, production.ports)
    await production.go_on()
    task, version = production.tasks.tasks[(await production.task(Routine.INFERENCE, DAY)).ref]
    told = dict(production.facts.facts)
    await production.tasks.save(replace(task, told=0, alerts=()), str(version))
    production.facts.facts.clear()
    await look(task.ref, production.ports)

    mine = {key: fact for key, fact in told.items() if fact[2]["circuit_id"] == "C001" and "p001" in key}
    assert production.facts.facts == mine
    assert (await production.task(Routine.INFERENCE, DAY)).is_done


async def test_the_outcomes_count_ended_jobs_and_nothing_else(production: Production) -> None:
    """What the watch of an environment release asks: refusals and other days' jobs do not count."""
    production.platform.statuses[f"inference-{DAY}-p001-c001-1"] = "Failed"
    production.platform.refusing = {"deployment-circuit-c002"}
    await start(Routine.INFERENCE, DAY, production.ports)
    since = production.clock.now()
    await production.go_on()
    outcomes = await RecordedOutcomes(production.tasks).since([*CIRCUITS, "P009-C001"], since)

    assert [(each.succeeded, each.failed) for each in outcomes.values()] == [(1, 1), (0, 0), (1, 0), (0, 0)]
    later = await RecordedOutcomes(production.tasks).since(CIRCUITS, since + timedelta(days=1))
    assert set(later.values()) == {Outcomes()}


@pytest.mark.parametrize("status", ["NotResponding", "Not Responding", "notresponding"])
async def test_a_job_whose_node_is_gone_is_told_and_tried_again_and_speaks_against_nothing(
    production: Production, status: str
) -> None:
    """It is errored (ADR 7): three lost nodes must not take an environment back across the fleet."""
    production.models.job_status = status
    await start(Routine.INFERENCE, DAY, production.ports)
    since = production.clock.now()
    await production.go_on()
    task = await production.task(Routine.INFERENCE, DAY)
    assert [end.kind for end in task.ends] == [EndKind.BROKEN] * 3
    assert [rule for rule, circuit in production.alerts() if circuit == "P001-C001"][:3] == ["batch-job-failure"] * 3
    outcomes = await RecordedOutcomes(production.tasks).since(CIRCUITS, since)
    assert set(outcomes.values()) == {Outcomes()}


async def test_a_task_that_is_given_up_waits_for_its_job_and_then_its_try_has_failed(production: Production) -> None:
    """Whoever cannot look knows nothing of the job: it has twice its deadline, as when Azure ML is silent."""
    production.models.reads_in_progress = 10_000
    await start(Routine.INFERENCE, DAY, production.ports)
    ref = (await production.task(Routine.INFERENCE, DAY)).ref
    await look(ref, production.ports)
    await give_up(ref, "nobody could look", production.ports)
    held = await production.task(Routine.INFERENCE, DAY)
    assert (held.state, held.attempt, held.detail, held.ends) == (TaskState.RUNNING, 1, "nobody could look", ())
    assert held.look_at == production.clock.now() + timedelta(minutes=5)

    production.clock.advance(2 * 7200 + 1)
    await give_up(ref, "nobody could look", production.ports)
    task = await production.task(Routine.INFERENCE, DAY)
    assert (task.state, task.attempt, task.ends[0].kind) == (TaskState.PENDING, 2, EndKind.NOT_STARTED)
    before = task
    await give_up(ref, "an older message", production.ports)
    assert await production.task(Routine.INFERENCE, DAY) == before


async def test_an_end_that_cannot_be_told_is_tried_for_a_day(production: Production) -> None:
    """Then the task itself says that nobody was told."""
    await start(Routine.INFERENCE, DAY, production.ports)
    await production.go_on()
    done = await production.task(Routine.INFERENCE, DAY)
    _, version = production.tasks.tasks[done.ref]
    await production.tasks.save(replace(done, told=0), str(version))

    production.clock.time = done.ends[-1].ended_at + timedelta(hours=23)
    await give_up(done.ref, "the topic is away", production.ports)
    assert not (await production.task(Routine.INFERENCE, DAY)).is_done
    production.clock.advance(3600)
    await give_up(done.ref, "the topic is away", production.ports)
    task = await production.task(Routine.INFERENCE, DAY)
    assert (task.is_done, task.state, task.detail) == (True, TaskState.SUCCEEDED, done.detail)
    assert task.alerts == ("the end could not be published: the topic is away",)
    await give_up(done.ref, "late", production.ports)
    assert await production.task(Routine.INFERENCE, DAY) == task


async def test_a_person_has_failed_circuits_tried_again(production: Production) -> None:
    production.models.job_status = "Failed"
    await start(Routine.INFERENCE, DAY, production.ports)
    await production.go_on()
    production.models.job_status = "Completed"

    await start_by_hand(Routine.INFERENCE, DAY, ENGINEER, production.ports)
    await production.go_on()
    assert (await production.task(Routine.INFERENCE, DAY)).state is TaskState.FAILED
    await start_by_hand(Routine.INFERENCE, DAY, ENGINEER, production.ports, again=True)
    await production.go_on()
    tasks = await production.tasks.of(Routine.INFERENCE, DAY)
    assert [(task.state, task.attempt) for task in tasks] == [(TaskState.SUCCEEDED, 4)] * 3


async def test_only_members_start_inference_and_only_for_days_that_can_be_scored(production: Production) -> None:
    with pytest.raises(NotEligible):
        await start_by_hand(Routine.INFERENCE, DAY, STRANGER, production.ports)
    for period, why in (("2026-01-06", "not over"), ("2025-12-29", "more than 7 days"), ("2026-02-30", "no period")):
        with pytest.raises(InvalidRequest, match=why):
            await start_by_hand(Routine.INFERENCE, period, ENGINEER, production.ports)
    for _ in range(2):
        assert await start_by_hand(Routine.INFERENCE, "", ENGINEER, production.ports) == DAY
    assert len(production.queue.sent) == 1
    assert production.tasks.tasks == {}


async def test_a_task_that_takes_long_is_late(production: Production) -> None:
    limits = production.ports.policy.limits[Routine.INFERENCE]
    await start(Routine.INFERENCE, DAY, production.ports)
    task = await production.task(Routine.INFERENCE, DAY)
    assert not task.is_late(datetime(2026, 1, 6, 9, 30, tzinfo=UTC), limits)
    assert task.is_late(datetime(2026, 1, 6, 9, 31, tzinfo=UTC), limits)
