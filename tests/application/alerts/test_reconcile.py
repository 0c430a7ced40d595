"""What fires in Azure is compared with what was accepted: an alert nobody brought is found, one nobody could decide on
is looked at again, and a source that does not answer stops nothing else."""

from dataclasses import replace
from datetime import timedelta

from shared.application.alerts.assess import CONFIRM_DEADLINE_S, assess_alert
from shared.application.alerts.looked_after import nets
from shared.application.alerts.queries import list_alerts
from shared.application.alerts.reconcile import BROUGHT_WITHIN, FOUND_MAX, SOURCE, firing_net
from shared.application.release.sweep import release_nets
from shared.application.work.sweep import SweepReport, sweep
from shared.domain.alerts.decision_model import RollbackAction
from shared.domain.alerts.model import AlertState
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
    claimed,
    handled,
    new_environment,
    new_model,
    rollbacks_begun,
)
from tests.support.benches.release import Bench

FOUND = "alerts that nobody brought"
LATER_S = BROUGHT_WITHIN.total_seconds() + 1


async def reconciled(bench: Bench) -> int:
    """How many alerts a sweep made good of those that fire."""
    report = await swept(bench)
    assert report.failed == {}
    return report.made_good[FOUND]


async def swept(bench: Bench) -> SweepReport:
    return await sweep([*release_nets(bench.ports), *nets(bench.alert_ports)])


async def test_an_alert_that_fired_while_the_app_was_away_is_found_and_acted_on(bench: Bench) -> None:
    """Nobody brought it; it is looked at like any other, by the same key as if somebody had."""
    await new_environment(bench)
    bench.alert_source.fire(an_alert(bench, SCORING, ONE, TWO))
    bench.clock.advance(LATER_S)
    assert await reconciled(bench) == 1
    await bench.deliver()
    (record,) = (await list_alerts(bench.alert_ports, 5)).records
    assert (record.source, record.sender, record.state) == (SOURCE, "azure-monitor", AlertState.DECIDED)
    assert len(await rollbacks_begun(bench)) == 1
    assert await reconciled(bench) == 0


async def test_an_alert_that_comes_after_it_was_found_is_a_repetition(bench: Bench, requests: Requests) -> None:
    await new_model(bench)
    facts = bench.alert_source.fire(an_alert(bench, SCORING))
    bench.clock.advance(LATER_S)
    await reconciled(bench)
    key = await claimed(bench, facts)
    await assessed(bench, requests, key)
    assert [each.key for each in (await list_alerts(bench.alert_ports, 5)).records] == [key]
    assert requests.releases == [(MODEL_RELEASE, True)]


async def test_what_the_action_group_may_still_bring_is_left_to_it(bench: Bench) -> None:
    """Its five tries take more than a minute."""
    bench.alert_source.fire(an_alert(bench, SCORING))
    bench.clock.advance(LATER_S - 2)
    assert await reconciled(bench) == 0
    assert (await list_alerts(bench.alert_ports, 5)).records == []


async def test_what_was_accepted_is_not_accepted_again_though_its_times_differ_a_little(
    bench: Bench, requests: Requests
) -> None:
    """One interface of Azure Monitor tells another fraction of a second than the other."""
    facts = an_alert(bench, FAILURES)
    await handled(bench, requests, facts)
    bench.alert_source.fire(replace(facts, fired_at=facts.fired_at + timedelta(seconds=1)))
    bench.clock.advance(LATER_S)
    assert await reconciled(bench) == 0
    assert len((await list_alerts(bench.alert_ports, 5)).records) == 1


async def test_alerts_of_rules_that_are_not_listed_are_not_looked_for(bench: Bench) -> None:
    """The list of what fires is that of the whole subscription."""
    bench.alert_source.fire(an_alert(bench, SCORING, rule_id="somebody else's"))
    bench.alert_source.fire(an_alert(bench, SCORING, severity="Sev4"))
    bench.alert_source.resolve(bench.alert_source.fire(an_alert(bench, SCORING)).instance_id)
    bench.clock.advance(LATER_S)
    assert await reconciled(bench) == 0


async def test_the_word_that_it_is_over_does_not_hide_that_it_fires(bench: Bench, requests: Requests) -> None:
    """Somebody's message says resolved; Azure Monitor says that it fires, and nobody brought that."""
    await new_model(bench)
    facts = bench.alert_source.fire(an_alert(bench, SCORING))
    await assessed(bench, requests, await claimed(bench, replace(facts, fired=False)))
    bench.clock.advance(LATER_S)
    assert await reconciled(bench) == 1
    await bench.deliver()
    assert [each.claim.fired for each in (await list_alerts(bench.alert_ports, 5)).records] == [True, False]


async def test_an_undecided_alert_that_still_fires_is_looked_at_again_however_many_others_wait(bench: Bench) -> None:
    """The list of undecided ones is read in no order and only so far: what fires does not depend on it."""
    await new_model(bench)
    key = await accepted(bench, an_alert(bench, SCORING))
    bench.looks.sent.clear()
    bench.clock.advance(LATER_S)
    report = await sweep([firing_net(bench.alert_ports)])
    assert report.made_good == {FOUND: 1}
    assert bench.looks.keys == [key]


async def test_alerts_nobody_can_decide_on_do_not_keep_out_those_that_nobody_brought(bench: Bench) -> None:
    """A sweep has a bound, and there may be more that wait."""
    for _ in range(FOUND_MAX):
        await accepted(bench, an_alert(bench, SCORING))
    bench.alert_source.fire(an_alert(bench, SCORING))
    bench.clock.advance(LATER_S)
    await swept(bench)
    assert [each.source for each in (await list_alerts(bench.alert_ports, 1)).records] == [SOURCE]


async def test_what_was_decided_while_azure_monitor_was_silent_is_looked_at_again_once_it_fires(
    bench: Bench, requests: Requests
) -> None:
    """Nothing was done because nobody confirmed it. Its list of what fires does, and that once."""
    await new_model(bench)
    key = await accepted(bench, an_alert(bench, SCORING))
    bench.alert_source.silent = True
    bench.clock.advance(CONFIRM_DEADLINE_S + 1)
    unconfirmed = await assessed(bench, requests, key)
    assert (unconfirmed.told, requests.asked) == (None, [])

    bench.alert_source.silent = False
    assert await reconciled(bench) == 1
    record = await assess_alert(key, bench.alert_ports, requests)
    assert record is not None
    assert record.decision is not None
    assert (record.decision.action, requests.releases) == (RollbackAction.ACT, [(MODEL_RELEASE, True)])
    assert await reconciled(bench) == 0


async def test_a_source_that_does_not_answer_stops_nothing_else(bench: Bench) -> None:
    """The alerts that were accepted are looked at again, and releases are swept."""
    key = await accepted(bench, an_alert(bench, SCORING))
    bench.looks.sent.clear()
    bench.alert_source.silent = True
    bench.clock.advance(20)
    report = await swept(bench)
    assert list(report.failed) == [FOUND]
    assert (report.made_good["alerts"], bench.looks.keys) == (1, [key])
