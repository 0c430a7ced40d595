"""No alert is lost, none multiplies, and the number of those that still fire can be asked for."""

import pytest

from shared.application.alerts.assess import alerts_still_firing, assess_alert, list_alerts
from shared.application.errors import PortError, TransientFault
from shared.application.release.effects.carry_out import carry_out
from shared.application.release.sweep import sweep
from shared.application.release.try_later import try_later
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
    bench.delivered.update(message_id for message_id, _, _ in bench.commands.sent)
    bench.clock.advance(20)
    assert (await sweep(bench.ports)).alerts == 1
    await bench.deliver()
    assert len(await rollbacks_begun(bench)) == 1
    assert (await sweep(bench.ports)).alerts == 0


async def test_a_crash_after_the_wish_does_not_wish_twice(bench: Bench, requests: Requests) -> None:
    """The decision was not kept; deciding again asks the same release for the same alert."""
    await new_model(bench)
    key = await accepted(bench, an_alert(bench, SCORING))
    before = await bench.alert_log.load(key)
    assert before is not None
    await assess_alert(key, bench.ports, requests)
    bench.alert_log.records[key] = (before.record, 1)
    record = await assessed(bench, requests, key)
    assert [asked.answer for asked in record.asked] == ["already_done"]
    assert len(requests.asked) == 1


async def delivered_with_follow_ups(bench: Bench) -> None:
    """What is due, as the queue's trigger handles it: what fails comes back later (`try_later`)."""
    now = bench.clock.now()
    due = [(key, command) for key, command, at in bench.commands.sent if at is None or at <= now]
    for message_id, command in due:
        if message_id not in bench.delivered:
            bench.delivered.add(message_id)
            try:
                await carry_out(command, bench.ports)
            except TransientFault as error:
                await try_later(command, message_id, error, bench.ports)


@pytest.mark.parametrize("lost", [False, True], ids=["messages alive", "first message lost"])
async def test_an_alert_that_waits_has_one_chain_of_messages(bench: Bench, lost: bool) -> None:
    """An hour of silence, a sweep every minute: the sweeper takes the chain up where it broke and adds none (L6)."""
    await new_model(bench)
    key = await accepted(bench, an_alert(bench, SCORING))
    bench.alert_source.silent = True
    if lost:
        bench.delivered.add(f"alert-{key}")
    for _ in range(60):
        await delivered_with_follow_ups(bench)
        await sweep(bench.ports)
        bench.clock.advance(60)
    await delivered_with_follow_ups(bench)
    (record,) = await list_alerts(bench.ports, 5)
    assert record.state is AlertState.DECIDED
    assert len([message_id for message_id, _, _ in bench.commands.sent if message_id.startswith("alert-")]) <= 17


async def test_an_alert_nobody_can_decide_on_is_asked_about_once_an_hour(bench: Bench) -> None:
    """When the follow-ups are used up; after a day nobody asks any more, and the list still has it."""
    key = await accepted(bench, an_alert(bench, SCORING))
    bench.delivered.add(f"alert-{key}")
    bench.clock.advance(5.5 * 3600)
    for _ in range(3):
        await sweep(bench.ports)
        bench.clock.advance(60)
    assert [message_id for message_id, _, _ in bench.commands.sent] == [f"alert-{key}", f"alert-{key}-hour-5"]
    bench.clock.advance(86_400)
    assert (await sweep(bench.ports)).alerts == 0
    assert [record.state for record in await list_alerts(bench.ports, 5)] == [AlertState.ACCEPTED]


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
    assert await alerts_still_firing(bench.ports) == [one, two]
    assert await alerts_still_firing(bench.ports, [ONE]) == [one]
    bench.alert_source.resolve(one.instance_id)
    assert await alerts_still_firing(bench.ports, [ONE]) == []
