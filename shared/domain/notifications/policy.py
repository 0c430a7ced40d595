"""Who hears what, as `config/notifications.yml` says it."""

from dataclasses import dataclass
from datetime import time
from enum import StrEnum

from shared.domain.notifications.happening import Urgency, What

APPROVERS = "approvers"
"""The audience of a rule that stands for the groups whose approval a gate still waits for."""


class ChannelKind(StrEnum):
    """How a message travels."""

    MAIL = "mail"
    TEAMS = "teams"
    WEBHOOK = "webhook"


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a message goes: a mail address, or the name under which the settings keep the address of a webhook."""

    kind: ChannelKind
    to: str

    def __str__(self) -> str:
        return f"{self.kind.value} {self.to}"


@dataclass(frozen=True, kw_only=True)
class QuietHours:
    """Only what is critical is told between `begins` and `ends` and, with `weekends`, on Saturdays and Sundays."""

    begins: time
    ends: time
    weekends: bool = False


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """A person or a channel of a team. The first address is used; the others, in order, when it fails.

    `hears_as` are the audiences it belongs to. Times are of the time zone `zone`, an IANA name.
    """

    name: str
    addresses: tuple[Address, ...]
    hears_as: frozenset[str]
    zone: str
    digest_at: time
    quiet: QuietHours | None = None


class When(StrEnum):
    """How soon somebody hears."""

    AT_ONCE = "at_once"
    DIGEST = "digest"


@dataclass(frozen=True, kw_only=True)
class HearingRule:
    """`to` hears `of` these, where severity, kind of release and plant are right; no kinds and no plants are all."""

    to: str
    of: frozenset[What]
    severity_min: Urgency = Urgency.INFO
    kinds: frozenset[str] = frozenset()
    plants: frozenset[str] = frozenset()
    when: When = When.AT_ONCE


@dataclass(frozen=True, kw_only=True)
class Reminders:
    """When people hear of an open gate again: at `half_time`, and so many seconds before its end; `escalate_s` before
    its end is when it is told as escalated. 0 is never."""

    half_time: bool = True
    before_end_s: int = 3600
    escalate_s: int = 1800


@dataclass(frozen=True, kw_only=True)
class RollbackBudgets:
    """How long a rollback may take, in seconds: until production is put back, and with its verification."""

    put_back_s: int = 900
    verified_s: int = 1200


@dataclass(frozen=True, kw_only=True)
class Contact:
    """Whom to ask in an emergency, and for what."""

    role: str
    does: str
    name: str
    mail: str = ""
    phone: str = ""

    def __str__(self) -> str:
        return ", ".join(each for each in (self.name, self.phone, self.mail) if each)


@dataclass(frozen=True, kw_only=True)
class NotificationPolicy:
    """One configuration of it. Times in messages are of the time zone `zone`."""

    zone: str
    recipients: tuple[Recipient, ...]
    rules: tuple[HearingRule, ...]
    reminders: Reminders
    budgets: RollbackBudgets
    contacts: tuple[Contact, ...]

    def audience(self, name: str) -> tuple[Recipient, ...]:
        """Everybody who hears as `name`."""
        return tuple(each for each in self.recipients if name in each.hears_as)
