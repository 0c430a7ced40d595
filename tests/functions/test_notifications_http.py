"""Facts in, by Event Grid; who was told and whom to ask, over HTTP."""

from collections.abc import Iterator
from typing import Any

import pytest

from functions.handlers.notifications import fact_events
from shared import bootstrap
from shared.application.notifications.tell import HEARD
from shared.domain.release.model import Phase
from tests.functions.callers import Signer, answered, function, request
from tests.functions.test_event_grid import decoded
from tests.support.benches.notifications import NotificationBench, fact_of
from tests.support.benches.release import Bench
from tests.support.builders import RELEASE_ID

read_notifications = function("read_notifications")
read_contacts = function("read_contacts")


@pytest.fixture
def people(bench: Bench) -> Iterator[NotificationBench]:
    """The composition root hands out these ports."""
    made = NotificationBench()
    bootstrap.notification_ports.provide(lambda: made.ports)
    yield made
    bootstrap.notification_ports.provide(None)


def an_event(people: NotificationBench, **changes: Any) -> Any:
    """The fact of a hold, as Event Grid delivers it."""
    fact = fact_of(people.at(Phase.HELD))
    event = {
        "specversion": "1.0",
        "id": fact.fact_id,
        "source": "/switchyard",
        "type": fact.kind,
        "subject": fact.subject,
        "time": "2026-01-05T08:00:00.5Z",
        "data": {**fact.data, "at": fact.at.isoformat(), "reason": "no quota"},
    }
    return decoded({**event, **changes})


async def test_a_fact_of_the_app_is_kept_and_told_once(people: NotificationBench) -> None:
    event = an_event(people)
    await fact_events(event)
    await fact_events(event)
    await people.work()

    [(_, message)] = people.mail.sent
    assert message.lead.endswith("The reason: no quota")


async def test_a_fact_from_elsewhere_is_recorded_and_not_told(people: NotificationBench, bench: Bench) -> None:
    await fact_events(an_event(people, source="/somebody/else"))

    assert people.log.notices == {}
    assert [reason for _, _, reason in bench.intake.records.values()] == ["source /somebody/else is not the app itself"]


async def test_a_fact_that_nobody_hears_of_is_left_alone(people: NotificationBench, bench: Bench) -> None:
    kind = "switchyard.release.verifying"
    assert kind not in HEARD
    await fact_events(an_event(people, type=kind))

    assert (people.log.notices, bench.intake.records) == ({}, {})


async def test_who_was_told_is_read_by_the_release(people: NotificationBench, signer: Signer) -> None:
    await fact_events(an_event(people))
    await people.work()

    told = answered(await read_notifications(request(signer.token(), release_id=RELEASE_ID)), 200)

    [notification] = told["notifications"]
    assert (notification["recipient"], notification["state"], notification["what"]) == ("duty", "sent", ["held"])
    assert notification["told_at"] == "2026-01-05T08:00:00Z"
    assert told["nobody_told"] == []


async def test_a_release_that_does_not_exist_was_told_to_nobody(people: NotificationBench, signer: Signer) -> None:
    answer = answered(await read_notifications(request(signer.token(), release_id="no-such")), 404)
    assert "there is no release no-such" in answer["detail"]


async def test_contacts_are_those_of_the_configuration(people: NotificationBench, signer: Signer) -> None:
    assert answered(await read_contacts(request(signer.token())), 200) == {
        "contacts": [
            {
                "role": "On-call ML engineer",
                "does": "carries rollbacks out",
                "name": "The duty phone",
                "mail": None,
                "phone": "+49 30 000000",
            }
        ]
    }
