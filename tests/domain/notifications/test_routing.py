"""Who hears what: groups of a gate, audiences of rules, kinds, plants, severities, at once or in a digest."""

from datetime import time, timedelta
from typing import Any

import pytest

from shared.domain.notifications.happening import Happening, Urgency, What
from shared.domain.notifications.policy import APPROVERS, HearingRule, NotificationPolicy, QuietHours, Reminders, When
from shared.domain.notifications.routing import reminder_times, routes
from tests.fakes.clock import START
from tests.support.benches.notifications import GATES, TROUBLE, a_happening, a_policy, a_recipient

MANAGER = a_recipient("manager", "Engineering-Managers")


def heard(happening: Happening, policy: NotificationPolicy) -> set[str]:
    return {each.recipient.name for each in routes(happening, policy)}


def test_approvers_hear_of_the_gates_that_wait_for_their_group() -> None:
    policy = a_policy(a_recipient(), MANAGER)

    assert heard(a_happening(), policy) == {"engineer"}
    assert heard(a_happening(groups=("Engineering-Managers", "ML-Engineers")), policy) == {"engineer", "manager"}


@pytest.mark.parametrize("what", sorted(TROUBLE))
def test_on_call_hears_of_trouble_and_not_of_gates(what: What) -> None:
    policy = a_policy()

    assert heard(a_happening(what), policy) == {"duty"}
    assert heard(a_happening(What.GATE_OPENED), policy) == {"engineer"}


@pytest.mark.parametrize(
    ("rule", "hears"),
    [
        ({"kinds": frozenset({"model"})}, True),
        ({"kinds": frozenset({"environment"})}, False),
        ({"plants": frozenset({"P001", "P009"})}, True),
        ({"plants": frozenset({"P002"})}, False),
        ({"severity_min": Urgency.WARNING}, True),
        ({"severity_min": Urgency.CRITICAL}, False),
    ],
)
def test_a_rule_can_be_narrowed(rule: dict[str, Any], hears: bool) -> None:
    narrow = HearingRule(to="on-call", of=TROUBLE, **rule)

    assert bool(heard(a_happening(What.HELD), a_policy(rules=(narrow,)))) is hears


def test_whoever_hears_by_two_rules_hears_once_and_at_once() -> None:
    both = a_recipient("both", "ML-Engineers", "on-call")
    daily = HearingRule(to="on-call", of=GATES, when=When.DIGEST)

    for rules in ((daily, HearingRule(to=APPROVERS, of=GATES)), (HearingRule(to=APPROVERS, of=GATES), daily)):
        [route] = routes(a_happening(), a_policy(both, rules=rules))
        assert (route.due_at, route.gathered) == (START, False)


def test_a_digest_comes_at_the_next_time_of_day_of_its_reader() -> None:
    """It is 8:00 in London, which is 9:00 in Berlin: the digest of 8:30 comes tomorrow there, and today here."""
    daily = HearingRule(to=APPROVERS, of=GATES, when=When.DIGEST)
    readers = [a_recipient(zone, zone=zone, digest_at=time(8, 30)) for zone in ("Europe/London", "Europe/Berlin")]

    found = routes(a_happening(), a_policy(*readers, rules=(daily,)))

    assert [(each.due_at - START, each.gathered) for each in found] == [
        (timedelta(minutes=30), True),
        (timedelta(hours=23, minutes=30), True),
    ]


def test_quiet_hours_put_off_what_is_not_critical() -> None:
    quiet = a_recipient("duty", "on-call", quiet=QuietHours(begins=time(22), ends=time(9)))
    policy = a_policy(quiet)

    [put_off] = routes(a_happening(What.HELD), policy)
    [at_once] = routes(a_happening(What.ROLLING_BACK), policy)

    assert (put_off.due_at, put_off.gathered) == (START + timedelta(hours=1), True)
    assert (at_once.due_at, at_once.gathered) == (START, False)


def test_what_would_be_over_by_then_is_told_within_quiet_hours() -> None:
    """A gate of an hour that opens at night."""
    quiet = a_recipient(quiet=QuietHours(begins=time(22), ends=time(9)))

    [route] = routes(a_happening(ends_at=START + timedelta(hours=1)), a_policy(quiet))

    assert (route.due_at, route.gathered) == (START, False)


def test_reminders_come_at_half_time_and_before_the_end() -> None:
    times = reminder_times(START, START + timedelta(hours=24), Reminders())

    assert {name: (what, at - START) for name, (what, at) in times.items()} == {
        "half": (What.GATE_REMINDER, timedelta(hours=12)),
        "end": (What.GATE_REMINDER, timedelta(hours=23)),
        "escalation": (What.GATE_ESCALATED, timedelta(hours=23, minutes=30)),
    }


def test_a_short_gate_has_only_the_reminders_that_fit_and_0_is_never() -> None:
    short = reminder_times(START, START + timedelta(minutes=40), Reminders())
    none = reminder_times(START, START + timedelta(days=1), Reminders(half_time=False, before_end_s=0, escalate_s=0))

    assert short.keys() == {"half", "escalation"}
    assert none == {}
