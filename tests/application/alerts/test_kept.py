"""No alert is lost, none multiplies, and the number of those that still fire can be asked for."""

import pytest

from shared.application.alerts.assess import assess_alert, give_up
from shared.application.alerts.looked_after import looked_after, nets
from shared.application.alerts.queries import alerts_still_firing, list_alerts
from shared.application.errors import PortError
from shared.application.work.look import look_at
from shared.application.work.sweep import sweep
from shared.domain.alerts.model import AlertState
from tests.fakes.facts import MemoryFactPublisher
from tests.support.benches.alerts import (
    FAILURES,
    MODEL_RELEASE,
    ONE,
    SCORING,
    TWO,
    Requests,
    accepted,
    an_alert,
    assessed,
    fired,
    new_environment,
    new_model,
    rollbacks_begun,
)
from tests.support.benches.release import Bench

# Nothing is lost


async def test_an_alert_whose_message_was_lost_is_found_by_the_sweeper(bench: Bench) -> None:
    """Durable first: the message is only the quick way."""
    await new_environment(bench)
    await accepted(bench, an_alert(bench, SCORING, ONE, TWO))
    bench.looks.sent.clear()
    bench.clock.advance(20)
    assert await swept(bench) == 1
    await bench.deliver()
    assert len(await rollbacks_begun(bench)) == 1
    assert await swept(bench) == 0


async def test_a_crash_after_the_wish_does_not_wish_twice(bench: Bench, requests: Requests) -> None:
    """The decision was not kept; deciding again asks the same release for the same alert."""
    await new_model(bench)
    key = await accepted(bench, an_alert(bench, SCORING))
    before = await bench.alert_log.load(key)
    assert before is not None
    await assess_alert(key, bench.alert_ports, requests)
    bench.alert_log.records[key] = (before.record, 1)
    record = await assessed(bench, requests, key)
    assert [asked.answer for asked in record.asked] == ["already_done"]
    assert len(requests.asked) == 1


async def swept(bench: Bench) -> int:
    """How many alerts a sweep had looked at again."""
    return (await sweep(nets(bench.alert_ports))).made_good["alerts"]


async def delivered_with_follow_ups(bench: Bench) -> None:
    """What is due, as the queue's trigger handles it: what fails comes back later."""
    for each in bench.looks.receive(bench.clock.now()):
        await look_at(each.look, each.message_id, looked_after(bench.alert_ports))


@pytest.mark.parametrize("lost", [False, True], ids=["messages alive", "first message lost"])
async def test_an_alert_that_waits_has_one_chain_of_messages(bench: Bench, lost: bool) -> None:
    """An hour of silence, a sweep every minute: the sweeper takes the chain up where it broke and adds none (L6)."""
    await new_model(bench)
    await accepted(bench, an_alert(bench, SCORING))
    bench.alert_source.silent = True
    if lost:
        bench.looks.sent.clear()
    for _ in range(60):
        await delivered_with_follow_ups(bench)
        await swept(bench)
        bench.clock.advance(60)
    await delivered_with_follow_ups(bench)
    (record,) = (await list_alerts(bench.alert_ports, 5)).records
    assert record.state is AlertState.DECIDED
    assert len(bench.looks.known) <= 17


async def test_an_alert_nobody_can_decide_on_is_asked_about_once_an_hour(bench: Bench) -> None:
    """When the follow-ups are used up; after a day nobody asks any more, and the list still has it."""
    key = await accepted(bench, an_alert(bench, SCORING))
    bench.looks.sent.clear()
    bench.clock.advance(5.5 * 3600)
    for _ in range(3):
        await swept(bench)
        bench.clock.advance(60)
    assert bench.looks.ids == [f"alert-{key}-hour-5"]
    bench.clock.advance(86_400)
    assert await swept(bench) == 0
    assert [record.state for record in (await list_alerts(bench.alert_ports, 5)).records] == [AlertState.ACCEPTED]


async def test_an_alert_that_is_given_up_says_why_and_is_asked_about_again(bench: Bench, requests: Requests) -> None:
    """A rollback may depend on it; once it is decided, nothing takes that back."""
    await new_model(bench)
    key = await accepted(bench, an_alert(bench, SCORING))
    await give_up(key, "nobody could process it", bench.alert_ports)
    (record,) = (await list_alerts(bench.alert_ports, 5)).records
    assert (record.state, record.note) == (AlertState.ACCEPTED, "nobody could process it")
    bench.clock.advance(20)
    assert await swept(bench) == 1

    decided = await assessed(bench, requests, key)
    await give_up(key, "late", bench.alert_ports)
    assert (await list_alerts(bench.alert_ports, 5)).records == [decided]
    await give_up("0" * 32, "nobody knows it", bench.alert_ports)


class FactsNobodyTakes(MemoryFactPublisher):
    """The topic is gone."""

    async def publish(self, *arguments: object) -> None:
        raise PortError("no such topic")


async def test_a_fact_nobody_takes_does_not_stop_the_decision(bench: Bench, requests: Requests) -> None:
    """What was asked for was asked for."""
    await new_model(bench)
    bench.facts = FactsNobodyTakes()
    record = await fired(bench, requests, SCORING)
    assert record.state is AlertState.DECIDED
    assert requests.releases == [(MODEL_RELEASE, True)]


# After a rollback


async def test_alerts_that_still_fire_can_be_counted(bench: Bench) -> None:
    """Of listed rules, about these circuits, by Azure Monitor's word; the number falls as they resolve."""
    one, two = (bench.alert_source.fire(an_alert(bench, FAILURES, circuit)) for circuit in (ONE, TWO))
    bench.alert_source.fire(an_alert(bench, FAILURES, rule_id="somebody else's"))
    assert await alerts_still_firing(bench.alert_ports) == [one, two]
    assert await alerts_still_firing(bench.alert_ports, [ONE]) == [one]
    bench.alert_source.resolve(one.instance_id)
    assert await alerts_still_firing(bench.alert_ports, [ONE]) == []
