"""Who hears of what happened, and when: pure, the same answer for every repetition."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.notifications.calendar import next_digest, quiet_until
from shared.domain.notifications.happening import Happening, News, Urgency, What
from shared.domain.notifications.policy import APPROVERS, HearingRule, NotificationPolicy, Recipient, Reminders, When


@dataclass(frozen=True, kw_only=True)
class Hearing:
    """`recipient` hears at `due_at`; with `gathered`, in one message with everything else that they hear then."""

    recipient: Recipient
    due_at: datetime
    gathered: bool = False


def routes(happening: Happening, policy: NotificationPolicy) -> tuple[Hearing, ...]:
    """One route for each recipient, in the order of the file. Whoever hears of it by several rules hears it as soon as
    any of them says."""
    found: dict[str, tuple[Recipient, When]] = {}
    for rule in policy.rules:
        if not _applies(rule, happening.item):
            continue
        for recipient in _heard_by(rule, happening, policy):
            _, before = found.get(recipient.name, (recipient, When.DIGEST))
            found[recipient.name] = recipient, rule.when if before is When.DIGEST else before
    return tuple(_route(recipient, when, happening) for recipient, when in found.values())


def _applies(rule: HearingRule, item: News) -> bool:
    plants = {circuit.partition("/")[0] for circuit in item.circuits}
    return (
        item.what in rule.of
        and item.severity >= rule.severity_min
        and (not rule.kinds or item.kind in rule.kinds)
        and (not rule.plants or bool(plants & rule.plants))
    )


def _heard_by(rule: HearingRule, happening: Happening, policy: NotificationPolicy) -> Iterator[Recipient]:
    for name in happening.groups if rule.to == APPROVERS else (rule.to,):
        yield from policy.audience(name)


def _route(recipient: Recipient, when: When, happening: Happening) -> Hearing:
    """What ends before somebody would hear of it is told at once, whatever they asked for."""
    at = happening.due_at or happening.item.at
    if when is When.DIGEST:
        later = next_digest(at, recipient.digest_at, recipient.zone)
    elif happening.item.severity is Urgency.CRITICAL or recipient.quiet is None:
        return Hearing(recipient=recipient, due_at=at)
    else:
        later = quiet_until(at, recipient.quiet, recipient.zone) or at
    if later == at or (happening.ends_at is not None and later >= happening.ends_at):
        return Hearing(recipient=recipient, due_at=at)
    return Hearing(recipient=recipient, due_at=later, gathered=True)


def reminder_times(opened_at: datetime, ends_at: datetime, reminders: Reminders) -> dict[str, tuple[What, datetime]]:
    """When people hear of a gate again, and as what, by a name for each time; none that lies before its opening."""
    times = {
        "half": (What.GATE_REMINDER, opened_at + (ends_at - opened_at) / 2 if reminders.half_time else opened_at),
        "end": (What.GATE_REMINDER, _before(ends_at, reminders.before_end_s) or opened_at),
        "escalation": (What.GATE_ESCALATED, _before(ends_at, reminders.escalate_s) or opened_at),
    }
    return {name: (what, at) for name, (what, at) in times.items() if at > opened_at}


def _before(ends_at: datetime, seconds: int) -> datetime | None:
    return ends_at - timedelta(seconds=seconds) if seconds else None
