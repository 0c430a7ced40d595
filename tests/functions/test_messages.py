"""The functions behind Event Grid, the queues and the timer."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import azure.functions as func
import pytest

from shared.application.errors import TransientFault
from shared.application.ports import IntakeResult
from shared.contracts.inbound.event_grid import MODEL_REGISTERED, RUN_COMPLETED, RUN_STATUS_CHANGED
from shared.contracts.messages import MessageError, encode_command, encode_event
from shared.domain.release import events as e
from shared.domain.release.commands import VerifyCandidate
from shared.domain.release.model import Phase
from tests.fakes.store import MemoryReleaseStore
from tests.functions.callers import function, message
from tests.functions.conftest import SETTINGS
from tests.support.benches.release import Bench
from tests.support.builders import NOW, RELEASE_ID, a_command, a_release, an_actor, an_event

GROUP = f"/subscriptions/{SETTINGS['AZURE_SUBSCRIPTION_ID']}/resourceGroups/{SETTINGS['AZURE_RESOURCE_GROUP']}"
TOPIC = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/dev-ml-workspace"


on_model = function("model_events")
on_run = function("run_events")
on_event = function("release_events")
on_command = function("effects")
on_dead_event = function("dead_release_events")
on_dead_command = function("dead_effects")
on_timer = function("sweeper")


SAID_AT = datetime(2026, 1, 5, 8, tzinfo=UTC)


def event_grid(
    kind: str, data: Any, topic: str = TOPIC, event_id: str = "e-1", said_at: datetime | None = SAID_AT
) -> func.EventGridEvent:
    return func.EventGridEvent(
        id=event_id,
        data=data,
        topic=topic,
        subject="models/m:7",
        event_type=kind,
        event_time=said_at,
        data_version="2",
    )


@pytest.mark.parametrize(
    "data",
    [
        {"ModelName": "m", "ModelVersion": "7", "ModelTags": {}, "ModelProperties": None},
        {"modelName": "m", "modelVersion": 7},
    ],
    ids=["capitals and text", "camel case and number"],
)
async def test_both_spellings_of_a_registration_open_the_same_release(bench: Bench, data: dict[str, Any]) -> None:
    """Two documented samples disagree; the release's id is of workspace, name and version."""
    await on_model(event_grid(MODEL_REGISTERED, data))

    ((message_id, event, _),) = bench.events.sent
    assert isinstance(event, e.ModelRegistered)
    assert (event.workspace, event.model_name, event.model_version) == ("dev-ml-workspace", "m", "7")
    assert message_id == "eg-e-1"
    assert event.release_id.startswith("m-7-")


@pytest.mark.parametrize(("said_at", "kept"), [(SAID_AT, SAID_AT), (None, NOW)], ids=["said", "not said"])
async def test_an_event_has_its_own_time_or_that_of_the_apps_clock(
    bench: Bench, said_at: datetime | None, kept: datetime
) -> None:
    await on_model(event_grid(MODEL_REGISTERED, {"modelName": "m", "modelVersion": 7}, said_at=said_at))

    ((_, event, _),) = bench.events.sent
    assert event.occurred_at == kept


async def test_a_topic_counts_in_any_case(bench: Bench) -> None:
    """Azure writes ARM ids in more than one way."""
    await on_model(event_grid(MODEL_REGISTERED, {"modelName": "m", "modelVersion": 7}, TOPIC.upper()))

    ((_, event, _),) = bench.events.sent
    assert isinstance(event, e.ModelRegistered)
    assert event.workspace == "dev-ml-workspace"


@pytest.mark.parametrize("key", ["RunId", "runId"])
@pytest.mark.parametrize("kind", [RUN_STATUS_CHANGED, RUN_COMPLETED])
async def test_both_spellings_of_a_run_hint_its_release(bench: Bench, key: str, kind: str) -> None:
    """What the run's event claims about its status is not even read."""
    await bench.jobs.claim(RELEASE_ID, 6, NOW)
    await bench.jobs.record(RELEASE_ID, 6, "batchjob-1")

    await on_run(event_grid(kind, {key: "batchjob-1", "RunStatus": "Completed"}))

    ((_, event, _),) = bench.events.sent
    assert isinstance(event, e.TestRunChanged)
    assert (event.release_id, event.job_name) == (RELEASE_ID, "batchjob-1")


async def test_a_run_that_is_none_of_ours_is_nothing_to_us(bench: Bench) -> None:
    """Training runs come by the thousand."""
    await on_run(event_grid(RUN_COMPLETED, {"runId": "training-1"}))

    assert (bench.events.sent, bench.intake.records) == ([], {})


@pytest.mark.parametrize("on", [on_model, on_run])
async def test_an_event_of_an_unknown_type_is_recorded(bench: Bench, on: Callable[[Any], Awaitable[None]]) -> None:
    """Failing would have it delivered again for a day."""
    await on(event_grid("Microsoft.MachineLearningServices.DatasetDriftDetected", {}))

    assert [(result, "DatasetDriftDetected" in why) for result, _, why in bench.intake.records.values()] == [
        (IntakeResult.UNKNOWN_TYPE, True)
    ]
    assert bench.events.sent == []


@pytest.mark.parametrize(
    "topic",
    [
        TOPIC.replace("dev-ml", "evil-ml"),
        TOPIC.replace("mlops-rg", "other-rg"),
        TOPIC.replace("00000001", "00000002"),
        f"{TOPIC}/models",
        "dev-ml-workspace",
        "",
    ],
)
@pytest.mark.parametrize("on", [on_model, on_run])
async def test_a_topic_that_is_not_configured_is_refused(
    bench: Bench, on: Callable[[Any], Awaitable[None]], topic: str
) -> None:
    """Recorded with its reason; it reaches no release."""
    await on(event_grid(MODEL_REGISTERED, {"modelName": "m", "modelVersion": 7}, topic))

    assert [result for result, _, _ in bench.intake.records.values()] == [IntakeResult.REFUSED]
    assert bench.events.sent == []


@pytest.mark.parametrize(
    "data", [{}, {"modelName": "m"}, {"modelName": "", "modelVersion": "7"}, {"modelName": ["m"], "modelVersion": 7}]
)
async def test_a_registration_that_cannot_be_read_is_recorded(bench: Bench, data: dict[str, Any]) -> None:
    """With the field that is wrong."""
    await on_model(event_grid(MODEL_REGISTERED, data))

    ((result, _, why),) = bench.intake.records.values()
    assert (result, why.startswith("data.model")) == (IntakeResult.REFUSED, True)


async def test_a_message_advances_its_release(bench: Bench) -> None:
    """The body decides, not the message's metadata."""
    await bench.put(a_release(Phase.TESTING))
    event = e.AbortRequested(event_id="a", release_id=RELEASE_ID, occurred_at=NOW, actor=an_actor(), reason="wrong")

    await on_event(message(encode_event(event)))

    assert bench.release(RELEASE_ID).phase is Phase.ABORTED


def _verify() -> VerifyCandidate:
    return VerifyCandidate(
        command_id="c", release_id=RELEASE_ID, serial=1, workspace="w", model_name="m", model_version="7"
    )


async def test_a_command_is_carried_out_and_answered(bench: Bench) -> None:
    """Azure ML has no such model: a definite no."""
    release = await bench.put(a_release())
    command = VerifyCandidate(
        command_id="c",
        release_id=RELEASE_ID,
        serial=release.serial,
        workspace="dev-ml-workspace",
        model_name="m",
        model_version="7",
    )

    await on_command(message(encode_command(command)))

    ((_, event, _),) = bench.events.sent
    assert isinstance(event, e.StepBlocked)


MALFORMED = {
    "empty": b"",
    "not JSON": b"{",
    "not UTF-8": b"\xff\xfe",
    "another envelope": b'{"messageId": "x"}',
    "another version": json.dumps({"switchyard": {"v": 2, "kind": "LookDue", "data": {}}}).encode(),
    "an unknown kind": json.dumps({"switchyard": {"v": 1, "kind": "Explode", "data": {}}}).encode(),
    "missing fields": json.dumps({"switchyard": {"v": 1, "kind": "LookDue", "data": {}}}).encode(),
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize("on", [on_event, on_command], ids=["release-events", "effects"])
async def test_a_message_that_cannot_be_read_raises_so_that_it_is_dead_lettered(
    bench: Bench, on: Callable[[Any], Awaitable[None]], body: bytes
) -> None:
    """Never completed, never lost."""
    with pytest.raises(MessageError):
        await on(message(body))


class SilentStore(MemoryReleaseStore):
    """Does not answer."""

    async def load(self, *arguments: object, **more: object) -> Any:
        raise TransientFault("busy")

    async def without_fleet(self, release_id: str) -> Any:
        raise TransientFault("busy")


async def test_a_message_that_meets_a_silent_store_comes_back_later(bench: Bench) -> None:
    """Completed after a follow-up was scheduled, so no delivery is burnt; used-up tries raise."""
    bench.store = SilentStore()
    await on_event(message(encode_event(an_event()), "m-1"))
    await on_command(message(encode_command(_verify()), "m-2"))

    assert [key for key, _, _ in bench.events.sent] == ["m-1-try-1"]
    assert [key for key, _, _ in bench.commands.sent] == ["m-2-try-1"]
    with pytest.raises(TransientFault):
        await on_event(message(encode_event(an_event()), "m-1-try-16"))


@pytest.mark.parametrize(
    ("on", "queue", "body"),
    [
        (on_dead_event, "release-events", encode_event(an_event())),
        (on_dead_command, "effects", encode_command(_verify())),
    ],
    ids=["event", "command"],
)
async def test_a_dead_letter_holds_its_release_and_says_so(
    bench: Bench, on: Callable[[Any], Awaitable[None]], queue: str, body: str
) -> None:
    """With the queue, the message and the broker's reason."""
    await bench.put(a_release(Phase.PROMOTING))

    await on(message(body, "m-1", DeadLetterReason="MaxDeliveryCountExceeded"))
    await bench.deliver()

    release = bench.release(RELEASE_ID)
    assert (release.phase, release.held_phase) == (Phase.HELD, Phase.PROMOTING)
    assert f"message m-1 of {queue} could not be processed" in release.reason
    assert "MaxDeliveryCountExceeded" in release.reason


async def test_a_fact_nobody_takes_is_quarantined_and_its_release_goes_on(bench: Bench) -> None:
    """The release does nothing wrong."""
    await bench.put(a_release(Phase.PROMOTING))

    await on_dead_command(message(encode_command(a_command()), "m-1"))
    await bench.deliver()

    assert [result for result, _, _ in bench.intake.records.values()] == [IntakeResult.QUARANTINED]
    assert bench.release(RELEASE_ID).phase is Phase.PROMOTING


@pytest.mark.parametrize("on", [on_dead_event, on_dead_command])
async def test_a_dead_letter_nobody_can_read_is_quarantined(bench: Bench, on: Callable[[Any], Awaitable[None]]) -> None:
    """It must not fail again on its way out."""
    await on(message(b"\xff not ours"))

    ((result, _, why),) = bench.intake.records.values()
    assert (result, "not ours" in why) == (IntakeResult.QUARANTINED, True)


async def test_the_timer_sweeps(bench: Bench) -> None:
    """What a crash left in an outbox leaves."""
    await bench.put(a_release(), a_command())

    await on_timer(None)

    assert [key for key, _, _ in bench.commands.sent] == [a_command().command_id]
