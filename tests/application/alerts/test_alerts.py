"""Alerts from their arrival to the decision: every row of the matrix, who is suspected, many at once."""

import asyncio
from dataclasses import replace

from shared.application.alerts.assess import assess_alert
from shared.application.alerts.queries import list_alerts
from shared.domain.alerts.decision_model import RollbackAction, RollbackRule, RollbackVerdict
from shared.domain.alerts.model import AlertState
from shared.domain.release.model import Kind, Phase
from tests.support.benches.alerts import (
    DEGRADED,
    DRIFT,
    ENVIRONMENT_RELEASE,
    FAILURES,
    FLEET,
    MODEL_RELEASE,
    ONE,
    SCORING,
    TWO,
    Requests,
    accepted,
    an_alert,
    fired,
    handled,
    held,
    new_environment,
    new_model,
    rollbacks_begun,
    verdict_of,
)
from tests.support.benches.release import Bench
from tests.support.builders import a_fleet_release

# The decision matrix


async def test_one_degraded_circuit_asks_people_about_its_new_model(bench: Bench, requests: Requests) -> None:
    """Row "single circuit performance degraded"; high asks."""
    await new_model(bench)
    record = await fired(bench, requests, DEGRADED)
    assert verdict_of(record) == (RollbackVerdict.MODEL, RollbackAction.ASK)
    assert requests.releases == [(MODEL_RELEASE, False)]


async def test_one_issue_in_several_circuits_rolls_the_environment_back(bench: Bench, requests: Requests) -> None:
    """Row "multiple circuits same issue"; one alert per circuit, as rules split by dimensions. Critical acts."""
    await new_environment(bench)
    first = await fired(bench, requests, FAILURES, ONE)
    second = await fired(bench, requests, FAILURES, TWO)
    assert verdict_of(first) == (RollbackVerdict.NONE, RollbackAction.NOTHING)
    assert verdict_of(second) == (RollbackVerdict.ENVIRONMENT, RollbackAction.ACT)
    assert requests.releases == [(ENVIRONMENT_RELEASE, True)]
    assert "2 failed batch jobs in P001/C001, P001/C002" in requests.asked[0][2]


async def test_a_new_model_and_a_new_environment_failing_both_go_back(bench: Bench, requests: Requests) -> None:
    """Row "new model + new environment both failing"; one wish for the pair, and the record names both."""
    await new_environment(bench, Phase.RELEASED, minutes_ago=30)
    await new_model(bench, minutes_ago=10)
    record = await fired(bench, requests, FAILURES, ONE, TWO)
    assert verdict_of(record) == (RollbackVerdict.BOTH, RollbackAction.ACT)
    assert requests.releases == [(ENVIRONMENT_RELEASE, True)]
    assert requests.together == {ENVIRONMENT_RELEASE: {MODEL_RELEASE}}
    assert [asked.release_id for asked in record.asked] == [ENVIRONMENT_RELEASE, MODEL_RELEASE]


async def test_scoring_errors_everywhere_roll_the_environment_back(bench: Bench, requests: Requests) -> None:
    """Row "scoring errors across all circuits"."""
    await new_environment(bench)
    record = await fired(bench, requests, SCORING, *FLEET)
    assert RollbackRule.ALL_CIRCUITS in held(record)
    assert verdict_of(record) == (RollbackVerdict.ENVIRONMENT, RollbackAction.ACT)
    assert requests.releases == [(ENVIRONMENT_RELEASE, True)]


async def test_scoring_errors_of_one_new_model_roll_it_back(bench: Bench, requests: Requests) -> None:
    """Row "single model prediction errors"."""
    await new_model(bench)
    record = await fired(bench, requests, SCORING)
    assert verdict_of(record) == (RollbackVerdict.MODEL, RollbackAction.ACT)
    assert requests.releases == [(MODEL_RELEASE, True)]


async def test_a_decision_has_a_reason_for_every_rule_and_is_kept(bench: Bench, requests: Requests) -> None:
    """Readable afterwards, whatever was decided."""
    await fired(bench, requests, DRIFT)
    (record,) = (await list_alerts(bench.alert_ports, 5)).records
    assert record.decision is not None
    assert [reason.rule for reason in record.decision.reasons] == list(RollbackRule)
    assert all(reason.text for reason in record.decision.reasons)
    assert (record.state, record.decided_at) == (AlertState.DECIDED, bench.clock.now())


# Who is suspected


async def test_what_failed_before_the_change_is_no_reason_to_take_it_back(bench: Bench, requests: Requests) -> None:
    """The alert fired first: a person looks, nothing acts."""
    facts = an_alert(bench, SCORING)
    bench.clock.advance(600)
    await new_model(bench, minutes_ago=5)
    record = await handled(bench, requests, facts)
    assert RollbackRule.REVERSIBLE not in held(record)
    assert verdict_of(record)[1] is RollbackAction.ASK


async def test_a_release_that_ended_long_ago_is_not_suspected(bench: Bench, requests: Requests) -> None:
    """Older than the watch: people are told, and no release is asked to go back."""
    await new_model(bench)
    bench.clock.advance(2 * 86_400)
    record = await fired(bench, requests, SCORING)
    assert verdict_of(record)[1] is RollbackAction.ASK
    assert requests.asked == []
    assert [kind for kind, _, _ in bench.facts.facts.values()] == ["switchyard.alert.asks"]


async def test_what_was_rolled_back_is_not_rolled_back_again(bench: Bench, requests: Requests) -> None:
    """Production runs what it ran before; the release below is not the last change either (I12)."""
    await new_model(bench, minutes_ago=30, release_id="sensor-model-p001-c001-6-cccccc")
    await new_model(bench, minutes_ago=20)
    undoing = a_fleet_release(
        Phase.ROLLED_BACK, release_id="undoing", undoes=MODEL_RELEASE, phase_since=bench.clock.now()
    )
    await bench.put(replace(undoing, kind=Kind.ROLLBACK))
    record = await fired(bench, requests, SCORING)
    assert verdict_of(record)[1] is RollbackAction.ASK
    assert requests.asked == []


async def test_a_refused_wish_is_kept_and_people_are_told(bench: Bench, requests: Requests) -> None:
    """The release is not what production runs any more, for example."""
    await new_model(bench)
    requests.refusing = "another release changed the circuit since"
    record = await fired(bench, requests, SCORING)
    (asked,) = record.asked
    assert (asked.answer, asked.note) == ("refused", requests.refusing)
    assert [kind for kind, _, _ in bench.facts.facts.values()] == ["switchyard.alert.asks"]


# Many at once


async def test_more_than_ten_alerts_in_an_hour_ask_people(bench: Bench, requests: Requests) -> None:
    """A shower of alerts that are no symptom by themselves; ten are none yet."""
    await new_environment(bench)
    for number in range(10):
        record = await fired(bench, requests, DRIFT, FLEET[number % len(FLEET)])
        assert RollbackRule.ALERT_SPIKE not in held(record)
    record = await fired(bench, requests, DRIFT, ONE)
    assert RollbackRule.ALERT_SPIKE in held(record)
    assert verdict_of(record) == (RollbackVerdict.ENVIRONMENT, RollbackAction.ASK)
    assert requests.releases == [(ENVIRONMENT_RELEASE, False)]


async def test_alerts_of_more_than_an_hour_ago_are_no_shower(bench: Bench, requests: Requests) -> None:
    """The window moves on."""
    await new_environment(bench)
    for _ in range(10):
        await fired(bench, requests, DRIFT, ONE)
    bench.clock.advance(3601)
    record = await fired(bench, requests, DRIFT, ONE)
    assert RollbackRule.ALERT_SPIKE not in held(record)


async def test_two_alerts_at_once_see_each_other(bench: Bench, requests: Requests) -> None:
    """Each is confirmed durably before it looks at the others, so that at least one of them sees both."""
    await new_environment(bench)
    keys = [await accepted(bench, an_alert(bench, FAILURES, circuit)) for circuit in (ONE, TWO)]
    await asyncio.gather(*(assess_alert(key, bench.alert_ports, requests) for key in keys))
    assert {release_id for release_id, _ in requests.releases} == {ENVIRONMENT_RELEASE}


async def test_two_alerts_at_once_lead_to_one_rollback(bench: Bench) -> None:
    """The real thing, with everything delivered: one release goes back once, whichever alert came first (I20)."""
    await new_environment(bench)
    for circuit in (ONE, TWO):
        await accepted(bench, an_alert(bench, SCORING, circuit, TWO))
    await bench.deliver()
    (begun,) = await rollbacks_begun(bench)
    assert "azure-monitor asked to roll back" in begun
