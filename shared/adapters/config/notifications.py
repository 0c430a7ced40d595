"""The policy of notifications from `config/notifications.yml`, in the domain's words."""

from shared.contracts.config import notifications as files
from shared.domain.notifications.happening import Urgency, What
from shared.domain.notifications.policy import (
    Address,
    ChannelKind,
    Contact,
    HearingRule,
    NotificationPolicy,
    QuietHours,
    Recipient,
    Reminders,
    RollbackBudgets,
    When,
)


def notifications_of(config: files.NotificationsConfig) -> NotificationPolicy:
    """What the file says, with the time zone of the file where a recipient has none."""
    return NotificationPolicy(
        zone=config.time_zone,
        recipients=tuple(_recipient(each, config.time_zone) for each in config.recipients),
        rules=tuple(_rule(each) for each in config.rules),
        reminders=Reminders(
            half_time=config.reminders.half_time,
            before_end_s=60 * config.reminders.before_end_min,
            escalate_s=60 * config.reminders.escalate_before_end_min,
        ),
        budgets=RollbackBudgets(
            put_back_s=60 * config.rollback_budget.put_back_min, verified_s=60 * config.rollback_budget.verified_min
        ),
        contacts=tuple(
            Contact(role=each.role, does=each.does, name=each.name, mail=each.mail or "", phone=each.phone or "")
            for each in config.contacts
        ),
    )


def _recipient(entry: files.RecipientConfig, zone: str) -> Recipient:
    quiet = entry.quiet_hours
    return Recipient(
        name=entry.name,
        addresses=tuple(Address(kind=ChannelKind(each.kind), to=each.to) for each in entry.channels),
        hears_as=frozenset(entry.hears_as),
        zone=entry.time_zone or zone,
        digest_at=entry.digest_at,
        quiet=QuietHours(begins=quiet.begins, ends=quiet.ends, weekends=quiet.weekends) if quiet else None,
    )


def _rule(entry: files.RuleConfig) -> HearingRule:
    return HearingRule(
        to=entry.to,
        of=frozenset(What(each) for each in entry.of),
        severity_min=Urgency[entry.severity_min.upper()],
        kinds=frozenset(entry.kinds),
        plants=frozenset(entry.plants),
        when=When(entry.when),
    )
