"""Daily inference and monitoring over HTTP, the timers that start them, and the queue that looks at their tasks."""

import json
from collections.abc import Callable, Coroutine, Iterator
from datetime import timedelta
from typing import Any

import azure.functions as func
import pytest

from shared import bootstrap
from shared.application.errors import PlatformErrored
from shared.application.routines.start import look_of
from shared.application.work.look import Look, WorkKind
from shared.contracts.looks import encode_look
from shared.contracts.messages import MessageError
from shared.domain.routines.task import PeriodWish, Routine, TaskRef, TaskState
from tests.application.routines.test_monitoring import DRIFTED, GOOD
from tests.functions.callers import Signer, answered, function, message, request
from tests.support.benches.release import Bench
from tests.support.benches.routines import Production

read_inference = function("read_inference")
start_inference = function("start_inference")
read_monitoring = function("read_monitoring")
start_monitoring = function("start_monitoring")

Timer = Callable[[func.TimerRequest | None], Coroutine[Any, Any, None]]


@pytest.fixture
def production(bench: Bench) -> Iterator[Production]:
    """Three circuits in production behind the functions."""
    made = Production()
    bootstrap.routine_ports.provide(lambda: made.ports)
    yield made
    bootstrap.routine_ports.provide(None)


async def test_a_day_is_started_once_and_its_missing_and_late_circuits_are_listed(
    production: Production, signer: Signer
) -> None:
    assert answered(await read_inference(request(signer.token())), 200)["date"] == ""
    production.models.predicted_by = {"P001-C002": None}
    wish = request(signer.token(), {"date": "2026-01-05"}, method="POST")
    started = answered(await start_inference(wish), 202)
    assert started == {
        "routine": "inference",
        "period": "2026-01-05",
        "follow": "/api/inference?date=2026-01-05",
    }
    answered(await start_inference(wish), 202)
    await production.go_on()
    production.clock.advance(8 * 3600)

    day = answered(await read_inference(request(signer.token())), 200)
    assert (day["date"], day["succeeded"], day["open"], day["late"]) == ("2026-01-05", 2, 0, [])
    not_deployed = sorted(set(production.ports.config.fleet().circuits) - {"P001-C001", "P002-C001"})
    assert day["missing"] == not_deployed  # P001-C002 failed, the others are not in production
    failed = next(task for task in day["tasks"] if task["circuit"] == "P001-C002")
    assert [each["outcome"] for each in failed["tries"]] == ["no_output"] * 3
    assert failed["alerts"] == ["predictions-missing: missing_predictions 1 > 0"]


async def test_the_last_checks_are_shown_with_the_change_that_drift_calls_for(
    production: Production, signer: Signer
) -> None:
    for circuit in ("P001-C001", "P001-C002", "P002-C001"):
        production.platform.reports[circuit] = {**GOOD, **DRIFTED}
    production.platform.published["predictions/P001/C001/2025-12-09.parquet"] = b""
    for check in ("performance", "drift"):
        answered(await start_monitoring(request(signer.token(), {"check": check}, method="POST")), 202)
    await production.go_on()

    shown = answered(await read_monitoring(request(signer.token())), 200)
    assert (shown["performance"]["period"], shown["performance"]["levels"]) == (
        "2025-12",
        {"ok": 1, "inconclusive": 2},
    )
    assert (shown["drift"]["period"], shown["drift"]["levels"]) == ("2025-q4", {"critical": 3})
    assert shown["drift"]["circuits"][0]["result"]["drift_magnitude"] == 0.31
    assert [each["state"] for each in shown["proposals"]] == ["dry_run"] * 3
    assert '+  cutoff_date: "2025-12-31"' in shown["proposals"][0]["diff"]
    other = answered(await read_monitoring(request(signer.token(), query={"month": "2025-11"})), 200)
    assert other["performance"]["circuits"] == []


@pytest.mark.parametrize(
    ("call", "query"),
    [
        (read_inference, {"date": "yesterday"}),
        (read_monitoring, {"month": "2026-13"}),
        (read_monitoring, {"quarter": "1"}),
    ],
)
async def test_what_is_no_period_is_a_bad_request(
    production: Production, signer: Signer, call: Any, query: dict[str, str]
) -> None:
    assert "write it like" in answered(await call(request(signer.token(), query=query)), 400)["detail"]


async def test_only_members_start_and_only_what_there_is(production: Production, signer: Signer) -> None:
    stranger = signer.token(groups=[])
    answered(await start_inference(request(stranger, {}, method="POST")), 403)
    answered(await start_monitoring(request(stranger, {"check": "drift"}, method="POST")), 403)
    answered(await start_monitoring(request(signer.token(), {"check": "weather"}, method="POST")), 400)
    answered(await start_inference(request(signer.token(), {"date": "2026-01-06"}, method="POST")), 400)
    answered(await read_inference(request(None)), 401)
    assert production.tasks.tasks == {}


@pytest.mark.parametrize(
    ("timer", "routine", "period"),
    [
        ("daily_inference", Routine.INFERENCE, "2026-01-05"),
        ("monthly_performance", Routine.PERFORMANCE, "2025-12"),
        ("quarterly_drift", Routine.DRIFT, "2025-q4"),
    ],
)
async def test_a_timer_starts_the_period_that_is_over(
    production: Production, timer: Any, routine: Routine, period: str
) -> None:
    for _ in range(2):
        await function(timer)(None)
    assert len(await production.tasks.of(routine, period)) == 3
    assert len(production.queue.sent) == 3


async def test_a_message_has_its_task_looked_at(production: Production) -> None:
    await function("daily_inference")(None)
    ref = TaskRef(routine=Routine.INFERENCE, period="2026-01-05", circuit="P001-C001")
    await function("routine_tasks")(message(encode_look(look_of(ref))))
    assert production.platform.started == ["inference-2026-01-05-p001-c001-1"]


async def test_a_fault_makes_room_for_a_look_of_its_own(production: Production) -> None:
    """The delivery is not burned: the message is done, and another one comes a little later."""
    await function("daily_inference")(None)
    ref = TaskRef(routine=Routine.INFERENCE, period="2026-01-05", circuit="P001-C001")
    await function("routine_tasks")(message(encode_look(look_of(ref))))

    async def broken(*_: object) -> None:
        raise PlatformErrored("Azure ML is away")

    production.models.get_job = broken  # type: ignore[assignment, method-assign]
    await function("routine_tasks")(message(encode_look(look_of(ref)), "m-7"))
    later = production.queue.sent[-1]
    assert (later.look, later.message_id) == (look_of(ref), "m-7-try-1")
    assert later.at == production.clock.now() + timedelta(seconds=5)


async def test_a_wish_that_meets_a_fault_is_carried_out_later(production: Production) -> None:
    """Nothing was listed the first time; the second message makes the tasks."""
    wish = PeriodWish(routine=Routine.INFERENCE, period="2026-01-05")
    listed = production.ports.environments.list_endpoints

    async def broken(*_: object) -> None:
        raise PlatformErrored("Azure ML is away")

    production.ports.environments.list_endpoints = broken  # type: ignore[assignment, method-assign]
    await function("routine_tasks")(message(encode_look(Look(kind=WorkKind.PERIOD, key=wish.key))))
    production.ports.environments.list_endpoints = listed  # type: ignore[method-assign]
    assert production.tasks.tasks == {}
    await production.go_on()
    assert len(production.platform.published) == 3


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"routine": "weather", "period": "2026-01-05", "circuit": "P001-C001"},
        {"routine": "inference", "period": "2026-01", "circuit": "P001-C001"},
        {"routine": "inference", "period": "2026-01-05", "circuit": "../P001"},
    ],
)
async def test_a_malformed_message_is_refused(production: Production, data: dict[str, str]) -> None:
    body = json.dumps({"switchyard": {"v": 1, "kind": "LookAtTask", "data": data}})
    with pytest.raises(MessageError):
        await function("routine_tasks")(message(body))


async def test_the_sweeper_brings_back_what_was_lost(production: Production) -> None:
    await function("daily_inference")(None)
    production.queue.sent.clear()
    production.clock.advance(600)
    await function("routine_sweeper")(None)
    assert len(production.queue.sent) == 3


async def test_a_dead_message_is_kept_with_its_reason_and_its_body(production: Production, bench: Bench) -> None:
    await function("dead_routines")(message("broken", "m-7"))
    [record] = bench.intake.records.values()
    assert "no reason was given: broken" in str(record)


async def test_a_dead_letter_of_a_task_is_recorded_and_the_task_says_why(production: Production, bench: Bench) -> None:
    """The try has failed; another one is made, and brings the predictions."""
    await function("daily_inference")(None)
    ref = TaskRef(routine=Routine.INFERENCE, period="2026-01-05", circuit="P001-C001")
    await function("dead_routines")(message(encode_look(look_of(ref)), "m-7"))
    task = await production.task(Routine.INFERENCE, "2026-01-05")
    assert (task.attempt, "message m-7 of routines could not be processed" in task.detail) == (2, True)
    assert [subject for _, subject, _ in bench.intake.records.values()] == ["routines"]
    await production.go_on()
    assert (await production.task(Routine.INFERENCE, "2026-01-05")).state is TaskState.SUCCEEDED


async def test_the_tasks_of_a_dead_wish_are_made_by_the_sweeper(production: Production, bench: Bench) -> None:
    wish = Look(kind=WorkKind.PERIOD, key="inference/2026-01-05")
    await function("dead_routines")(message(encode_look(wish), "m-7"))
    assert [subject for _, subject, _ in bench.intake.records.values()] == ["routines"]
    await function("routine_sweeper")(None)
    assert len(await production.tasks.of(Routine.INFERENCE, "2026-01-05")) == 3
