"""Alerts that must do nothing, and that only what Azure Monitor itself tells counts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.application.alerts.assess import CONFIRM_DEADLINE_S, KNOWN_AFTER_S, accept_alert, assess_alert
from shared.application.errors import TransientFault
from shared.application.ports import IntakeResult
from shared.domain.alerts.decision_model import RollbackAction, RollbackRule
from shared.domain.alerts.model import AlertState, Reading
from tests.fakes.config import RULES_AT
from tests.support.benches.alerts import (
    FAILURES,
    FLEET,
    MODEL_RELEASE,
    ONE,
    SCORING,
    TWO,
    Requests,
    accepted,
    an_alert,
    assessed,
    claimed,
    fired,
    handled,
    held,
    new_environment,
    new_model,
    verdict_of,
)
from tests.support.benches.release import Bench

# What must do nothing


async def test_an_alert_that_comes_again_does_nothing_and_is_recorded(bench: Bench, requests: Requests) -> None:
    """Azure Monitor and Event Grid both deliver at least once."""
    await new_model(bench)
    facts = an_alert(bench, SCORING)
    record = await handled(bench, requests, facts)
    key, is_new = await accept_alert(facts, "event grid", "topic", bench.alert_ports)
    assert (key, is_new) == (record.key, False)
    assert await assess_alert(key, bench.alert_ports, requests) == record
    assert len(requests.asked) == 1
    assert [result for result, _, _ in bench.intake.records.values()] == [IntakeResult.DUPLICATE]


async def test_a_repetition_with_a_slightly_different_time_is_one_too(bench: Bench, requests: Requests) -> None:
    """Two ways in may round the time of firing differently."""
    await new_model(bench)
    facts = an_alert(bench, SCORING)
    await handled(bench, requests, facts)
    again, is_new = await accept_alert(
        replace(facts, fired_at=facts.fired_at + timedelta(milliseconds=1)), "event grid", "topic", bench.alert_ports
    )
    record = await assessed(bench, requests, again)
    assert is_new
    assert RollbackRule.ALERT_NEW not in held(record)
    assert len(requests.asked) == 1


async def test_a_resolved_alert_does_nothing_and_is_recorded(bench: Bench, requests: Requests) -> None:
    """It also ends its own symptom: the next failure elsewhere is a single one."""
    await new_environment(bench)
    facts = an_alert(bench, FAILURES, ONE)
    await handled(bench, requests, facts)
    record = await handled(bench, requests, replace(facts, fired=False))
    assert RollbackRule.ALERT_FIRED not in held(record)
    other = await fired(bench, requests, FAILURES, TWO)
    assert RollbackRule.BATCH_FAILURES not in held(other)
    assert requests.asked == []


async def test_an_alert_of_an_unlisted_rule_does_nothing(bench: Bench, requests: Requests) -> None:
    """A token of any action group of the tenant is good for the door, not for a rollback."""
    await new_model(bench)
    foreign = an_alert(bench, SCORING, rule_id=f"{RULES_AT}/scheduledqueryrules/mine")
    record = await handled(bench, requests, foreign)
    assert RollbackRule.ALERT_RULE_KNOWN not in held(record)
    assert (verdict_of(record)[1], requests.asked) == (RollbackAction.NOTHING, [])


async def test_a_listed_rule_with_another_severity_is_not_the_listed_one(bench: Bench, requests: Requests) -> None:
    """Somebody changed the rule: the list must be changed too."""
    await new_model(bench)
    record = await fired(bench, requests, (SCORING[0], "Sev4"))
    assert RollbackRule.ALERT_RULE_KNOWN not in held(record)
    assert requests.asked == []


async def test_an_alert_that_azure_monitor_does_not_know_does_nothing(bench: Bench, requests: Requests) -> None:
    """Forged: it is looked for until Azure Monitor must have it, then recorded as not confirmed (I20)."""
    await new_model(bench)
    key = await claimed(bench, an_alert(bench, SCORING))
    with pytest.raises(TransientFault):
        await assess_alert(key, bench.alert_ports, requests)
    bench.clock.advance(KNOWN_AFTER_S)
    record = await assessed(bench, requests, key)
    assert RollbackRule.ALERT_VERIFIED not in held(record)
    assert "has no alert" in record.note
    assert requests.asked == []


@pytest.mark.parametrize("year", [1, 9999])
async def test_a_claim_about_any_time_does_nothing(bench: Bench, requests: Requests, year: int) -> None:
    """However odd, it is decided on and recorded."""
    odd = an_alert(bench, SCORING, fired_at=datetime(year, 1, 1, tzinfo=UTC))
    key = await claimed(bench, odd)
    bench.clock.advance(KNOWN_AFTER_S)
    record = await assessed(bench, requests, key)
    assert (record.state, requests.asked) == (AlertState.DECIDED, [])


async def test_a_claim_about_another_firing_does_nothing(bench: Bench, requests: Requests) -> None:
    """An old alert id with a new time is no alert."""
    await new_model(bench)
    facts = bench.alert_source.fire(an_alert(bench, SCORING))
    bench.clock.advance(3600)
    key = await claimed(bench, replace(facts, fired_at=bench.clock.now()))
    record = await assessed(bench, requests, key)
    assert "another firing" in record.note
    assert requests.asked == []


async def test_an_alert_that_is_resolved_by_now_does_nothing(bench: Bench, requests: Requests) -> None:
    """Read again: what was true when it was sent does not count."""
    await new_model(bench)
    facts = an_alert(bench, SCORING)
    key = await accepted(bench, facts)
    bench.alert_source.resolve(facts.instance_id)
    record = await assessed(bench, requests, key)
    assert RollbackRule.ALERT_FIRED not in held(record)
    assert "the message says 'Fired', Azure Monitor 'Resolved'" in record.note
    assert requests.asked == []


async def test_a_false_all_clear_does_not_end_an_alert(bench: Bench, requests: Requests) -> None:
    """Azure Monitor says that it still fires, so the symptom counts on."""
    await new_environment(bench)
    facts = an_alert(bench, FAILURES, ONE)
    await handled(bench, requests, facts)
    key = await claimed(bench, replace(facts, fired=False))
    lie = await assessed(bench, requests, key)
    assert "still fires" in lie.note
    record = await fired(bench, requests, FAILURES, TWO)
    assert verdict_of(record)[1] is RollbackAction.ACT


# What is told by Azure Monitor counts


async def test_circuits_that_a_message_adds_do_not_count(bench: Bench, requests: Requests) -> None:
    """Only what Azure Monitor tells is acted on; the difference is kept."""
    await new_environment(bench)
    facts = bench.alert_source.fire(an_alert(bench, SCORING, ONE))
    forged = replace(facts, readings=tuple(Reading(circuit=each, value=1.0) for each in FLEET))
    key = await claimed(bench, forged)
    record = await assessed(bench, requests, key)
    assert RollbackRule.SAME_ISSUE not in held(record)
    assert "circuits: the message says" in record.note


async def test_circuits_that_azure_monitor_does_not_tell_are_asked_about(bench: Bench, requests: Requests) -> None:
    """The alert is confirmed, its circuits are the message's word: a person decides, however critical it is."""
    await new_model(bench)
    facts = an_alert(bench, SCORING)
    bench.alert_source.fire(replace(facts, readings=()))
    key = await claimed(bench, facts)
    record = await assessed(bench, requests, key)
    assert (record.only_claimed, verdict_of(record)[1]) == (True, RollbackAction.ASK)
    assert requests.releases == [(MODEL_RELEASE, False)]


async def test_azure_monitor_that_stays_silent_is_waited_for_but_not_for_ever(bench: Bench, requests: Requests) -> None:
    """The alert stays undecided for an hour; then it is recorded as not confirmed."""
    await new_model(bench)
    key = await accepted(bench, an_alert(bench, SCORING))
    bench.alert_source.silent = True
    with pytest.raises(TransientFault):
        await assess_alert(key, bench.alert_ports, requests)
    bench.clock.advance(CONFIRM_DEADLINE_S)
    record = await assessed(bench, requests, key)
    assert "did not answer for 50 minutes" in record.note
    assert requests.asked == []
