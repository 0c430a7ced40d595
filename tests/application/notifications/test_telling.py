"""From a fact to messages: who is told what in which words, once, and only while it is true."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.application.errors import TransientFault
from shared.application.notifications.looked_after import PATIENCE, deliveries_looked_after
from shared.application.notifications.tell import accept_fact
from shared.domain.fleet.meter import Meter
from shared.domain.notifications.delivery import DeliveryState
from shared.domain.notifications.happening import What
from shared.domain.notifications.notice import NoticeState, ToldFact
from shared.domain.notifications.policy import APPROVERS, HearingRule, When
from shared.domain.release.model import Phase
from tests.fakes.clock import START
from tests.support.benches.notifications import (
    DUTY,
    GATES,
    NotificationBench,
    a_policy,
    a_recipient,
    fact_of,
)
from tests.support.builders import a_fleet_release, a_fleet_target

GATE = Phase.AWAITING_PRODUCTION_APPROVAL


async def test_approvers_are_told_what_is_asked_of_them_until_when_with_a_link() -> None:
    bench = NotificationBench()
    release = bench.at(GATE)

    await bench.told(fact_of(release))

    [(to, message)] = bench.mail.sent
    assert to == "engineer@example.com"
    assert message.subject == "Decide until Tue 06 Jan 2026, 08:00 UTC: sensor-model-P001-C001:7 for Line 1 in Plant 1"
    assert message.lead == (
        "sensor-model-P001-C001:7 for Line 1 in Plant 1 waits for a decision on bringing it to production. ML-Engineers"
        " are asked to approve or reject until Tue 06 Jan 2026, 08:00 UTC; after that nobody can."
    )
    assert message.link(message.items[0]) == f"https://switchyard.example/releases/{release.release_id}"
    assert message.items[0].facts["circuit"] == "P001/C001 (Line 1 in Plant 1)"


async def test_the_same_fact_again_tells_nobody_again() -> None:
    """At least once from the topic; once to people."""
    bench = NotificationBench()
    fact = fact_of(bench.at(GATE))

    for _ in range(3):
        await bench.told(fact)
    for _ in range(3):
        bench.looks.known.clear()
        await bench.told(fact)

    assert len(bench.mail.sent) == 1


async def test_a_gate_that_stays_open_is_told_again_and_escalates_to_on_call() -> None:
    bench = NotificationBench(
        a_policy(
            rules=(HearingRule(to=APPROVERS, of=GATES), HearingRule(to="on-call", of=frozenset({What.GATE_ESCALATED})))
        )
    )

    await bench.told(fact_of(bench.at(GATE)))
    await bench.work(START + timedelta(days=2))

    told = [(to.partition("@")[0], message.items[0].what) for to, message in bench.mail.sent]
    assert told == [
        ("engineer", What.GATE_OPENED),
        ("engineer", What.GATE_REMINDER),
        ("engineer", What.GATE_REMINDER),
        ("engineer", What.GATE_ESCALATED),
        ("duty", What.GATE_ESCALATED),
    ]
    assert bench.mail.sent[1][1].subject.startswith("Still open, decide until Tue 06 Jan 2026")
    assert "The duty phone, +49 30 000000" in bench.mail.sent[4][1].items[0].facts.values()


async def test_a_gate_that_was_decided_is_not_told_again() -> None:
    bench = NotificationBench()
    await bench.told(fact_of(bench.at(GATE)))

    bench.at(Phase.RECORDING_PREVIOUS)
    await bench.work(START + timedelta(days=2))

    assert len(bench.mail.sent) == 1
    assert sorted(each.state for each in bench.deliveries) == [*[DeliveryState.DROPPED] * 3, DeliveryState.SENT]


async def test_a_gate_that_is_decided_before_anybody_could_be_told_is_on_record() -> None:
    bench = NotificationBench()
    fact = fact_of(bench.at(GATE))
    bench.at(Phase.RECORDING_PREVIOUS)

    await bench.told(fact)

    [(notice, _)] = bench.log.notices.values()
    assert (notice.state, notice.note) == (NoticeState.UNHEARD, "it was over before anybody could be told")
    assert bench.mail.sent == []


async def test_on_call_hears_of_a_hold_with_its_reason_and_whom_to_ask() -> None:
    bench = NotificationBench()

    await bench.told(fact_of(bench.at(Phase.HELD), reason="held: the quota is used up"))

    [(to, message)] = bench.mail.sent
    assert to == "duty@example.com"
    assert message.subject.startswith("Held: sensor-model-P001-C001:7")
    assert "a person is asked to retry or abort it until Tue 06 Jan 2026, 08:00 UTC" in message.lead
    assert message.lead.endswith("The reason: held: the quota is used up")
    assert message.items[0].facts[f"{DUTY.role} ({DUTY.does})"] == str(DUTY)


async def test_a_rollback_that_takes_too_long_is_told_while_it_does_and_once() -> None:
    bench = NotificationBench()
    fleet = tuple(a_fleet_target(number) for number in (1, 2))
    release = bench.put(
        a_fleet_release(
            Phase.ROLLING_BACK,
            fleet=fleet,
            phase_since=START,
            meter=Meter(requested_at=START),
            rollback_reason="Azure Monitor: batch jobs fail",
        )
    )
    await bench.told(fact_of(release))
    assert [message.items[0].what for _, message in bench.mail.sent] == [What.ROLLING_BACK]
    assert bench.mail.sent[0][1].lead.endswith("Azure Monitor: batch jobs fail")

    await bench.work(START + timedelta(minutes=16))
    assert [message.items[0].what for _, message in bench.mail.sent[1:]] == [What.BUDGET_MISSED]

    meter = Meter(requested_at=START, last_restored_at=START + timedelta(minutes=16), verified_at=START)
    ended = bench.put(replace(release, phase=Phase.ROLLED_BACK, phase_since=bench.clock.now(), serial=9, meter=meter))
    await bench.told(fact_of(ended))
    assert len(bench.mail.sent) == 2, "it was told while it was under way"


async def test_a_rollback_within_its_time_is_no_missed_budget() -> None:
    bench = NotificationBench()
    in_time = START + timedelta(minutes=5)
    meter = Meter(requested_at=START, last_restored_at=in_time, verified_at=in_time)
    release = bench.put(a_fleet_release(Phase.ROLLED_BACK, phase_since=in_time, meter=meter))

    await bench.told(fact_of(release))

    assert bench.mail.sent == []


async def test_what_nobody_listens_to_is_on_record_with_the_reason() -> None:
    bench = NotificationBench(a_policy(a_recipient("duty", "on-call")))

    await bench.told(fact_of(bench.at(GATE)))

    [(notice, _)] = bench.log.notices.values()
    assert notice.state is NoticeState.UNHEARD
    assert notice.note == "no rule of config/notifications.yml names a recipient of gate_opened for ML-Engineers"


async def test_facts_that_are_nobodys_business_leave_nothing_behind() -> None:
    bench = NotificationBench()

    await bench.told(fact_of(bench.at(Phase.PROMOTING)))

    assert (bench.log.notices, bench.looks.sent) == ({}, [])


async def test_a_digest_gathers_what_happened_and_leaves_out_what_is_over() -> None:
    bench = NotificationBench(a_policy(rules=(HearingRule(to=APPROVERS, of=GATES, when=When.DIGEST),)))
    for number in range(3):
        bench.clock.advance(60)
        await bench.told(fact_of(bench.at(GATE, release_id=f"r-{number}", deadline_at=START + timedelta(days=3))))
    bench.at(Phase.RECORDING_PREVIOUS, release_id="r-1")

    await bench.work(START + timedelta(days=1))

    [(_, message)] = bench.mail.sent
    assert [item.release_id for item in message.items] == ["r-0", "r-2"]
    assert message.subject.startswith("2 notices, the first: Decide until")


async def test_a_finding_says_what_was_found_where() -> None:
    bench = NotificationBench()
    fact = ToldFact(
        fact_id="data-drift-1",
        kind="switchyard.alert.raised",
        subject="circuits/P001-C002",
        at=START,
        data={
            "rule": "data-drift", "severity": "2", "plant_id": "P001", "circuit_id": "C002", "reason": "PSI 0.4",
            "routine": "drift",
        },
    )  # fmt: skip

    await bench.told(fact)

    [(_, message)] = bench.mail.sent
    assert message.subject == "Found: data-drift for Line 2 in Plant 1"
    assert message.lead == "Switchyard found something wrong for Line 2 in Plant 1. PSI 0.4"


async def test_a_fact_is_kept_while_the_queue_does_not_answer() -> None:
    """The sweep looks at it."""
    bench = NotificationBench()

    class Silent:
        async def send(self, *_: object, **__: object) -> None:
            raise TransientFault("the bus does not answer")

    ports = replace(bench.ports, queue=Silent())
    assert await accept_fact(fact_of(bench.at(GATE)), ports)
    assert len(await bench.log.open_notices(5)) == 1


@pytest.mark.parametrize(("after", "state"), [(0, DeliveryState.WAITING), (1, DeliveryState.UNDELIVERABLE)])
async def test_what_nobody_can_deliver_is_tried_for_a_day(after: int, state: DeliveryState) -> None:
    bench = NotificationBench()
    bench.mail.failing = bench.teams.failing = [TransientFault("away")]
    await accept_fact(fact_of(bench.at(Phase.HELD)), bench.ports)
    bench.looks.sent, [sent] = [], bench.looks.sent
    await bench.looked_after(sent.look.kind).look(sent.look)
    [delivery] = bench.deliveries

    bench.clock.advance(after * PATIENCE.total_seconds() + 1)
    await deliveries_looked_after(bench.ports).give_up(delivery.key, "given up: away")

    [delivery] = bench.deliveries
    assert (delivery.state, delivery.note) == (state, "given up: away")
