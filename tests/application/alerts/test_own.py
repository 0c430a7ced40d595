"""What the app finds itself is an alert like any other: one log, one matrix, and one rollback for one cause."""

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.application.alerts.looked_after import nets
from shared.application.alerts.own import OwnAlerts
from shared.application.alerts.queries import list_alerts
from shared.application.errors import TransientFault
from shared.application.ports import Measured, OwnFinding
from shared.application.work.look import Look
from shared.application.work.sweep import sweep
from shared.domain.alerts.decision_model import RollbackAction, RollbackRule, RollbackVerdict
from shared.domain.alerts.model import AlertRecord, AlertState
from tests.support.benches.alerts import (
    ENVIRONMENT_RELEASE,
    FAILURES,
    MODEL_RELEASE,
    ONE,
    TWO,
    Requests,
    an_alert,
    assessed,
    claimed,
    fired,
    handled,
    held,
    new_environment,
    new_model,
    rollbacks_begun,
    verdict_of,
)
from tests.support.benches.release import Bench

FAILED, DEGRADED = "batch-job-failure", "model-performance-degradation"


def a_finding(bench: Bench, circuit: str = ONE, rule: str = FAILED, **changes: Any) -> OwnFinding:
    finding = OwnFinding(
        finding_id=f"{rule}-inference-2026-01-05-{circuit.replace('/', '-').lower()}-1",
        rule=rule,
        severity=1,
        found_at=bench.clock.now(),
        record=f"task of {circuit}, try 1",
        circuit=circuit,
        measured=(Measured(measure="failed_jobs", value=1.0, bound=0.0),),
    )
    return replace(finding, **changes)


async def reported(bench: Bench, *findings: OwnFinding) -> list[str]:
    """The keys of what was not there before."""
    before = set(bench.alert_log.records)
    for finding in findings:
        await OwnAlerts(bench.alert_log, bench.looks, bench.clock).report(finding)
    return [key for key in bench.alert_log.records if key not in before]


async def decided(bench: Bench, requests: Requests, *findings: OwnFinding) -> AlertRecord:
    """What became of the last of them."""
    records = [await assessed(bench, requests, key) for key in await reported(bench, *findings)]
    return records[-1]


async def test_a_finding_is_decided_on_by_its_record_though_azure_monitor_is_silent(
    bench: Bench, requests: Requests
) -> None:
    bench.alert_source.silent = True
    record = await decided(bench, requests, a_finding(bench))
    assert (record.source, record.sender, record.state) == ("switchyard", f"task of {ONE}, try 1", AlertState.DECIDED)
    assert (record.told, bench.alert_source.reads) == (record.claim, 0)
    assert {RollbackRule.ALERT_RULE_KNOWN, RollbackRule.ALERT_VERIFIED} <= held(record)
    assert record.decision is not None
    assert "the app has it on record" in {reason.text for reason in record.decision.reasons}


async def test_the_same_finding_again_is_no_second_alert(bench: Bench) -> None:
    """Its record is told of again after a crash."""
    finding = a_finding(bench)
    [key] = await reported(bench, finding)
    bench.clock.advance(600)
    assert await reported(bench, replace(finding, found_at=bench.clock.now())) == []
    assert bench.looks.keys == [key]


async def test_failed_jobs_of_two_circuits_roll_the_environment_back(bench: Bench, requests: Requests) -> None:
    await new_environment(bench)
    record = await decided(bench, requests, a_finding(bench), a_finding(bench, TWO))
    assert verdict_of(record) == (RollbackVerdict.ENVIRONMENT, RollbackAction.ACT)
    assert requests.releases == [(ENVIRONMENT_RELEASE, True)]
    assert requests.askers == ["the app"]


async def test_degradation_asks_people_about_the_new_model(bench: Bench, requests: Requests) -> None:
    await new_model(bench)
    worse = (Measured(measure="mae", value=0.31, bound=0.25),)
    record = await decided(bench, requests, a_finding(bench, rule=DEGRADED, severity=2, measured=worse))
    assert verdict_of(record) == (RollbackVerdict.MODEL, RollbackAction.ASK)
    assert requests.releases == [(MODEL_RELEASE, False)]


@pytest.mark.parametrize(("minutes_ago", "critical"), [(60, False), (5, True)])
async def test_what_changed_after_it_was_so_is_not_taken_back_without_people(
    bench: Bench, requests: Requests, minutes_ago: int, critical: bool
) -> None:
    await new_model(bench, minutes_ago=10)
    twice = (Measured(measure="failed_jobs", value=2.0, bound=0.0),)
    found_at = bench.clock.now() - timedelta(minutes=minutes_ago)
    await decided(bench, requests, a_finding(bench, measured=twice, found_at=found_at))
    assert requests.releases == [(MODEL_RELEASE, critical)]


async def test_one_failed_job_that_both_report_is_one_failure(bench: Bench, requests: Requests) -> None:
    """The app saw it, and a rule of Azure Monitor as well: still one, which is not several."""
    await new_model(bench)
    await handled(bench, requests, an_alert(bench, FAILURES, ONE))
    record = await decided(bench, requests, a_finding(bench))
    assert RollbackRule.BATCH_FAILURES not in held(record)
    assert requests.asked == []


async def test_what_the_app_and_azure_monitor_both_report_rolls_back_once(bench: Bench) -> None:
    """Whoever comes first; the other finds it under way."""
    await new_environment(bench)
    await reported(bench, a_finding(bench), a_finding(bench, TWO))
    await bench.deliver()
    for circuit in (ONE, TWO):
        facts = bench.alert_source.fire(an_alert(bench, FAILURES, circuit))
        await claimed(bench, facts)
    await bench.deliver()
    assert {each.state for each in (await list_alerts(bench.alert_ports, 9)).records} == {AlertState.DECIDED}
    [begun] = await rollbacks_begun(bench)
    assert "the app asked to roll back: alert batch-job-failure (Sev1)" in begun


async def test_a_spike_counts_what_both_report_once(bench: Bench, requests: Requests) -> None:
    """Six of each are no eleven."""
    for number in range(6):
        await fired(bench, requests, FAILURES, f"P00{number}/C001")
    findings = [a_finding(bench, f"P00{number}/C001", "predictions-missing") for number in range(6)]
    record = await decided(bench, requests, *findings)
    assert record.decision is not None
    assert "6 alerts in the last hour" in " ".join(reason.text for reason in record.decision.reasons)


@pytest.mark.parametrize("rule", ["some-rule", "scoring-errors"])
async def test_a_finding_of_a_rule_that_is_not_listed_is_recorded_and_does_nothing(
    bench: Bench, requests: Requests, rule: str
) -> None:
    """Also where Azure Monitor has a listed rule of that name."""
    await new_model(bench)
    record = await decided(bench, requests, a_finding(bench, rule=rule))
    assert verdict_of(record) == (RollbackVerdict.NONE, RollbackAction.NOTHING)
    assert RollbackRule.ALERT_RULE_KNOWN not in held(record)


async def test_nobody_outside_can_speak_as_the_app(bench: Bench, requests: Requests) -> None:
    """A message that names a rule of the app's own is read again, and no such rule of Azure Monitor is listed."""
    await new_environment(bench)
    facts = bench.alert_source.fire(an_alert(bench, FAILURES, ONE, TWO, rule_id=f"switchyard/{FAILED}"))
    record = await assessed(bench, requests, await claimed(bench, facts))
    assert verdict_of(record) == (RollbackVerdict.NONE, RollbackAction.NOTHING)
    assert RollbackRule.ALERT_RULE_KNOWN not in held(record)
    assert (record.is_own, requests.asked) == (False, [])


async def test_a_finding_whose_message_was_lost_is_looked_at_by_the_sweeper(bench: Bench) -> None:
    class Away:
        async def send(self, look: Look, message_id: str, at: object = None) -> None:
            raise TransientFault("the bus does not answer")

    await OwnAlerts(bench.alert_log, Away(), bench.clock).report(a_finding(bench))
    bench.clock.advance(20)
    assert (await sweep(nets(bench.alert_ports))).made_good["alerts"] == 1


async def test_a_finding_is_told_in_numbers_once(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """How often, and how far above its bound, for the rules of Azure Monitor; a repetition is not counted."""
    caplog.set_level(logging.INFO)
    measured = (Measured(measure="mae", value=0.5, bound=0.25),)
    finding = a_finding(bench, rule=DEGRADED, measured=measured)
    own = OwnAlerts(bench.alert_log, bench.looks, bench.clock)

    await own.report(finding)
    await own.report(finding)

    told = [(each.measured, each.measured_value, each.rule) for each in caplog.records if hasattr(each, "measured")]
    assert told == [("findings", 1.0, DEGRADED), ("excess", 2.0, DEGRADED)]
