"""Alerts at the door: who may send them, what is refused, what is kept, and how they are read."""

import json
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

from shared.application.alerts.assess import look_of
from shared.application.errors import TransientFault
from shared.application.ports import IntakeResult
from shared.contracts.inbound.alerts import BODY_BYTES_MAX
from shared.contracts.looks import encode_look
from shared.domain.alerts.model import AlertState
from tests.fakes.alerts import MemoryAlertLog
from tests.fakes.queues import MemoryLookQueue, Sent
from tests.functions.callers import Signer, answered, function, message, request
from tests.functions.conftest import SETTINGS, forget_settings
from tests.functions.test_messages import event_grid
from tests.support.benches.release import Bench

SAMPLES = Path(__file__).parents[1] / "contract" / "samples"
FIRED = json.loads((SAMPLES / "alert_log_fired.json").read_text(encoding="utf-8"))
RESOLVED = json.loads((SAMPLES / "alert_metric_resolved.json").read_text(encoding="utf-8"))
GROUP = f"/subscriptions/{SETTINGS['AZURE_SUBSCRIPTION_ID']}/resourceGroups/{SETTINGS['AZURE_RESOURCE_GROUP']}"
TOPIC = f"{GROUP}/providers/Microsoft.EventGrid/topics/switchyard-alerts"

post = function("accept_alert")
read = function("list_alerts")
on_event = function("alert_events")
on_effect = function("effects")
on_dead_effect = function("dead_effects")


def sender(signer: Signer, *roles: str, **claims: Any) -> str:
    """A token of an application with these roles."""
    without = ("scp", "groups", "name", "preferred_username")
    return signer.token(
        without=without, idtyp="app", app_displayname="Azure Monitor", roles=list(roles or ("Alerts.Send",)), **claims
    )


def alert(token: str | None, body: object = FIRED, **more: Any) -> func.HttpRequest:
    return request(token, body, method="POST", **more)


@pytest.mark.parametrize(
    "body", [FIRED, RESOLVED], ids=["log search alert V2, fired", "metric alert of several circuits, resolved"]
)
async def test_an_alert_is_kept_and_looked_at_later(bench: Bench, signer: Signer, body: dict[str, Any]) -> None:
    """202: durable, and a message says to look at it; nothing is read or decided before the answer."""
    told = answered(await post(alert(sender(signer), body)), 202)

    ((record, _),) = bench.alert_log.records.values()
    assert (told["key"], told["answer"]) == (record.key, "accepted")
    assert (record.state, record.source) == (AlertState.ACCEPTED, "webhook")
    assert record.sender.startswith("Azure Monitor (")
    assert bench.looks.sent == [Sent(look_of(record.key), f"alert-{record.key}", None)]
    assert bench.alert_source.reads == 0


async def test_an_alert_that_comes_again_is_a_200(bench: Bench, signer: Signer) -> None:
    """The same key, no second message."""
    first = answered(await post(alert(sender(signer))), 202)
    again = answered(await post(alert(sender(signer))), 200)

    assert (again["key"], again["answer"]) == (first["key"], "already_accepted")
    assert len(bench.looks.sent) == 1


@pytest.mark.parametrize(
    ("token", "status"),
    [
        (lambda signer: None, 401),
        (lambda signer: signer.token(), 403),
        (lambda signer: signer.token(roles=["Alerts.Send"]), 403),
        (lambda signer: sender(signer, "Api.Call"), 403),
        (lambda signer: sender(signer, "alerts.send"), 403),
        (lambda signer: sender(signer, aud="api://another"), 401),
        (lambda signer: sender(signer, tid="99999999-9999-9999-9999-999999999999"), 401),
        (lambda signer: sender(signer, exp=1), 401),
        (lambda signer: sender(Signer("known-key")), 401),
    ],
    ids=[
        "no token",
        "a person",
        "a person with the role",
        "another role",
        "the role in small letters",
        "another API",
        "another tenant",
        "expired",
        "signed by somebody else",
    ],
)
async def test_only_an_application_with_the_role_can_send_alerts(
    bench: Bench, signer: Signer, token: Any, status: int
) -> None:
    """Nothing is kept of what nobody vouches for."""
    answered(await post(alert(token(signer))), status)

    assert (bench.alert_log.records, bench.intake.records, bench.looks.sent) == ({}, {}, [])


async def test_the_role_of_senders_is_a_setting_and_lets_into_nothing_else(
    bench: Bench, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tenant may have its own name for it; reading needs a role of its own."""
    answered(await read(request(sender(signer))), 403)
    monkeypatch.setenv("ALERT_SENDER_ROLE", "ActionGroupsSecureWebhook")
    forget_settings()
    answered(await post(alert(sender(signer))), 403)
    answered(await post(alert(sender(signer, "ActionGroupsSecureWebhook"))), 202)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"schemaId": "AzureMonitorMetricAlert", "data": {}}, "schemaId"),
        ({**FIRED, "data": {**FIRED["data"], "essentials": {}}}, "data.essentials"),
        ([], "body"),
    ],
)
async def test_what_is_no_alert_is_refused_and_recorded(bench: Bench, signer: Signer, body: object, said: str) -> None:
    """Azure Monitor does not send it again: the record is all that is left of it (I13)."""
    assert said in answered(await post(alert(sender(signer), body)), 400)["detail"]

    ((result, _, why),) = bench.intake.records.values()
    assert (result, said in why) == (IntakeResult.REFUSED, True)


async def test_a_body_that_is_too_large_or_no_json_is_refused(bench: Bench, signer: Signer) -> None:
    """Before anything reads it."""
    answered(await post(alert(sender(signer), raw=b" " * (BODY_BYTES_MAX + 1))), 413)
    answered(await post(alert(sender(signer), raw=b"{")), 400)
    answered(await post(alert(sender(signer), content_type="text/plain")), 400)


class SilentLog(MemoryAlertLog):
    """Does not answer."""

    async def accept(self, *arguments: object) -> bool:
        raise TransientFault("busy")


class SilentQueue(MemoryLookQueue):
    """Does not answer."""

    async def send(self, *arguments: object, **more: object) -> None:
        raise TransientFault("busy")


async def test_an_alert_that_cannot_be_kept_is_not_accepted(bench: Bench, signer: Signer) -> None:
    """503: Azure Monitor sends it again."""
    bench.alert_log = SilentLog()
    answered(await post(alert(sender(signer))), 503)


async def test_a_silent_queue_loses_no_alert(bench: Bench, signer: Signer) -> None:
    """It is durable; the sweeper sends the message."""
    bench.looks = SilentQueue()
    answered(await post(alert(sender(signer))), 202)
    assert await bench.alert_log.undecided(5) != []


@pytest.mark.parametrize("form", ["Look", "AssessAlert"])
async def test_a_message_has_its_alert_looked_at(bench: Bench, signer: Signer, form: str) -> None:
    """On the queue of effects, beside commands; in the form of before as well."""
    key = answered(await post(alert(sender(signer))), 202)["key"]
    bench.clock.advance(60)
    await on_effect(message(looks_at(key, form)))
    ((record, _),) = bench.alert_log.records.values()
    assert record.state is AlertState.DECIDED


async def test_an_alert_that_meets_a_fault_is_looked_at_later(bench: Bench, signer: Signer) -> None:
    """By a follow-up of its own."""
    key = answered(await post(alert(sender(signer))), 202)["key"]
    bench.alert_source.silent = True
    await on_effect(message(looks_at(key, "Look"), f"alert-{key}"))
    assert bench.looks.ids == [f"alert-{key}", f"alert-{key}-try-1"]


@pytest.mark.parametrize("form", ["Look", "AssessAlert"])
async def test_a_dead_letter_of_an_alert_is_recorded_and_the_alert_says_why(
    bench: Bench, signer: Signer, form: str
) -> None:
    """It stays undecided; the sweeper asks again, and no release is held."""
    key = answered(await post(alert(sender(signer))), 202)["key"]
    await on_dead_effect(message(looks_at(key, form), "m-3"))
    ((record, _),) = bench.alert_log.records.values()
    assert (record.state, record.note.startswith("message m-3 of effects could not be processed")) == (
        AlertState.ACCEPTED,
        True,
    )
    assert [each[:2] for each in bench.intake.records.values()] == [(IntakeResult.QUARANTINED, "effects")]
    assert bench.events.sent == []


def looks_at(key: str, form: str) -> str:
    if form == "Look":
        return encode_look(look_of(key))
    data = {"command_id": f"alert-{key}", "release_id": "", "serial": 0, "not_before": None, "alert_key": key}
    return json.dumps({"switchyard": {"v": 1, "kind": form, "data": data}})


# Event Grid


@pytest.fixture
def alert_topic(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("ALERT_TOPICS", f"{TOPIC}, {TOPIC}-2")
    forget_settings()
    return TOPIC


async def test_an_event_of_a_configured_topic_is_an_alert(bench: Bench, alert_topic: str) -> None:
    """The same alert by both ways is one."""
    await on_event(event_grid("Any.Type", FIRED, alert_topic.upper()))
    await on_event(event_grid("Any.Type", FIRED, f"{alert_topic}-2", event_id="e-2"))

    ((record, _),) = bench.alert_log.records.values()
    assert (record.source, record.claim.circuits) == ("event grid", ("P001/C001",))
    assert len(bench.looks.sent) == 1


@pytest.mark.parametrize("topic", ["", f"{TOPIC}-3", f"{GROUP}/providers/Microsoft.EventGrid/topics/other"])
async def test_an_event_of_another_topic_is_recorded_and_does_nothing(
    bench: Bench, alert_topic: str, topic: str
) -> None:
    """Whoever may publish to some topic is not Azure Monitor."""
    await on_event(event_grid("Any.Type", FIRED, topic))

    ((result, _, why),) = bench.intake.records.values()
    assert (result, "not configured for alerts" in why) == (IntakeResult.REFUSED, True)
    assert bench.alert_log.records == {}


async def test_without_configured_topics_no_event_is_an_alert(bench: Bench) -> None:
    """Off unless switched on."""
    await on_event(event_grid("Any.Type", FIRED, TOPIC))
    assert bench.alert_log.records == {}


async def test_an_event_that_is_no_alert_is_recorded(bench: Bench, alert_topic: str) -> None:
    """Failing would have it delivered again for a day."""
    await on_event(event_grid("Any.Type", {"schemaId": "another"}, alert_topic))
    assert [result for result, _, _ in bench.intake.records.values()] == [IntakeResult.REFUSED]


# Reading


async def test_alerts_are_read_with_their_decision_and_every_reason(bench: Bench, signer: Signer) -> None:
    """Once looked at: here an alert that Azure Monitor does not know."""
    answered(await post(alert(sender(signer))), 202)
    waiting = answered(await read(request(signer.token())), 200)["alerts"]
    assert [(each["state"], each["decision"], each["confirmed"]) for each in waiting] == [("accepted", None, False)]

    bench.clock.advance(60)
    await bench.deliver()

    (told,) = answered(await read(request(signer.token())), 200)["alerts"]
    assert (told["rule"], told["severity"], told["circuits"]) == ("batch-job-failure", "Sev1", ["P001/C001"])
    assert (told["state"], told["decision"]["action"]) == ("decided", "nothing")
    assert "Azure Monitor has no alert" in told["note"]
    assert len(told["decision"]["reasons"]) == 13
    assert {
        "rule": "alert is confirmed by Azure Monitor",
        "held": False,
        "text": "Azure Monitor does not confirm it",
    } in (told["decision"]["reasons"])


@pytest.mark.parametrize(
    "limit", ["0", "201", "-1", "1.5", "x", "", "9" * 99, "0" * 8 + "19", "0" * 9 + "1" + "9" * 5000]
)
async def test_a_list_has_a_bound(bench: Bench, signer: Signer, limit: str) -> None:
    """1 to 200."""
    assert "1 to 200" in answered(await read(request(signer.token(), query={"limit": limit})), 400)["detail"]
    answered(await read(request(signer.token(), query={"limit": "200"})), 200)
