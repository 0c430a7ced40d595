"""`config/notifications.yml`: who is told of what, how, and when; whom to ask in an emergency.

Addresses of webhooks are secrets and therefore settings (TEAMS_WEBHOOKS, WEBHOOKS); the file has their names.
"""

from datetime import time
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, field_validator, model_validator
from pydantic_core import PydanticCustomError

from shared.contracts.config.circuits import ConfigModel, DisplayName, PlantId
from shared.contracts.config.policies import GroupName
from shared.domain.notifications.policy import APPROVERS

RECIPIENTS_MAX = 500
RULES_MAX = 100
WEEK_MIN = 10_080

ON_CALL = "on-call"
WhatName = Literal[
    "gate_opened", "gate_reminder", "gate_escalated", "expired", "held", "failed", "rolling_back", "rolled_back",
    "budget_missed", "released", "rejected", "aborted", "superseded", "alert_asks", "alert_acted", "finding",
    "training_failed", "training_failures",
]  # fmt: skip

MailAddress = Annotated[
    str,
    StringConstraints(min_length=3, max_length=200, pattern=r"^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,190}$"),
    Field(description="a mail address, for example ml-on-call@example.com"),
]
ChannelName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$"),
    Field(description="a name: small letters, digits and -, at most 63 characters"),
]


def _time_of_day(value: object) -> object:
    """`HH:MM` as a time; strict models do not do it themselves."""
    try:
        if isinstance(value, str) and len(value) == 5:
            return time.fromisoformat(value)
    except ValueError:
        pass  # the error below says it
    raise PydanticCustomError("time_of_day", 'not a time of day written "HH:MM" in quotes')


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise PydanticCustomError("time_zone", "no time zone of the IANA list, such as Europe/Berlin") from None
    return name


TimeOfDay = Annotated[
    time,
    BeforeValidator(_time_of_day, json_schema_input_type=Annotated[str, Field(pattern="^[0-2][0-9]:[0-5][0-9]$")]),
]
TimeZone = Annotated[
    str, Field(max_length=60, description="a time zone, for example Europe/Berlin"), AfterValidator(_known_zone)
]


class ContactConfig(ConfigModel):
    """Whom to ask in an emergency. Shown on holds and rollbacks, and by `GET /api/contacts`."""

    role: DisplayName
    does: DisplayName
    name: DisplayName
    mail: MailAddress | None = Field(default=None, description="their mail address")
    phone: str | None = Field(
        default=None, pattern=r"^\+?[0-9 ()/-]{3,30}$", description="their telephone number, 3 to 30 characters"
    )


class ChannelConfig(ConfigModel):
    """One way to reach a recipient."""

    kind: Literal["mail", "teams", "webhook"] = Field(description="mail, teams or webhook")
    to: str = Field(
        min_length=1,
        max_length=200,
        description="a mail address; of teams and webhook the name in the settings TEAMS_WEBHOOKS or WEBHOOKS",
    )

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if (self.kind == "mail") != ("@" in self.to):
            raise PydanticCustomError(
                "channel_address", "{to} is no address of the kind {kind}", {"to": self.to, "kind": self.kind}
            )
        return self


class QuietHoursConfig(ConfigModel):
    """When nothing but what is critical is told; everything else comes together when they end."""

    begins: TimeOfDay = Field(description='first quiet time of day, "HH:MM"')
    ends: TimeOfDay = Field(description='end of the quiet, "HH:MM"; may be on the next day')
    weekends: bool = Field(default=False, description="whether Saturdays and Sundays are quiet: true or false")


class RecipientConfig(ConfigModel):
    """A person, or a channel that a team reads."""

    name: ChannelName
    hears_as: tuple[GroupName, ...] = Field(
        strict=False,
        min_length=1,
        max_length=20,
        description="audiences it belongs to: groups of policies.yml, on-call, or others that a rule names",
    )
    channels: tuple[ChannelConfig, ...] = Field(
        strict=False, min_length=1, max_length=5, description="1 to 5; the first is used, the next when that fails"
    )
    quiet_hours: QuietHoursConfig | None = Field(default=None, description="when only what is critical is told")
    digest_at: TimeOfDay = Field(default=time(8), description='when digests come, "HH:MM"', validate_default=False)
    time_zone: TimeZone | None = Field(default=None, description="of its times; that of the file where left out")


class RuleConfig(ConfigModel):
    """Who hears what. Several may apply: everybody hears once, as soon as any of them says."""

    to: GroupName
    of: tuple[WhatName, ...] = Field(strict=False, min_length=1, max_length=30, description="what is told")
    severity_min: Literal["info", "warning", "critical"] = Field(
        default="info", description="what is less severe is not told: info, warning or critical"
    )
    kinds: tuple[Literal["model", "environment", "rollback"], ...] = Field(
        default=(), strict=False, max_length=3, description="kinds of releases; none are all"
    )
    plants: tuple[PlantId, ...] = Field(
        default=(), strict=False, max_length=2000, description="plants; none are all, and what is of no plant"
    )
    when: Literal["at_once", "digest"] = Field(default="at_once", description="at_once, or once a day in a digest")


DEFAULT_RULES = (
    RuleConfig(to=APPROVERS, of=("gate_opened", "gate_reminder", "gate_escalated")),
    RuleConfig(
        to=ON_CALL,
        of=(
            "gate_escalated", "expired", "held", "failed", "rolling_back", "rolled_back", "budget_missed", "alert_asks",
            "finding", "training_failures",
        ),
        severity_min="warning",
    ),
)  # fmt: skip
"""Approvers hear of gates; on-call hears of what went wrong, and of what may."""


class RemindersConfig(ConfigModel):
    """When people hear again of a gate that is still open. 0 is never."""

    half_time: bool = Field(default=True, description="whether when half of its time is over: true or false")
    before_end_min: int = Field(default=60, ge=0, le=WEEK_MIN, description="minutes before its end, 0 to 10080")
    escalate_before_end_min: int = Field(
        default=30, ge=0, le=WEEK_MIN, description="minutes before its end at which it escalates, 0 to 10080"
    )


class RollbackBudget(ConfigModel):
    """How long going back may take, from the alert or the request on."""

    put_back_min: int = Field(default=15, ge=1, le=1440, description="minutes until production is put back, 1 to 1440")
    verified_min: int = Field(default=20, ge=1, le=1440, description="minutes until that is verified, 1 to 1440")


class NotificationsConfig(ConfigModel):
    """`config/notifications.yml`."""

    version: Literal[1] = Field(description="version of this format: 1")
    time_zone: TimeZone = Field(default="UTC", description="time zone of times in messages, for example Europe/Berlin")
    contacts: tuple[ContactConfig, ...] = Field(
        default=(), strict=False, max_length=20, description="whom to ask in an emergency, up to 20"
    )
    recipients: tuple[RecipientConfig, ...] = Field(
        default=(), strict=False, max_length=RECIPIENTS_MAX, description=f"who can be told, up to {RECIPIENTS_MAX}"
    )
    rules: tuple[RuleConfig, ...] = Field(
        default=DEFAULT_RULES, strict=False, max_length=RULES_MAX, description=f"who hears what, up to {RULES_MAX}"
    )
    reminders: RemindersConfig = Field(default_factory=RemindersConfig, description="of gates that are still open")
    rollback_budget: RollbackBudget = Field(
        default_factory=RollbackBudget, description="how long going back may take before on-call hears of it"
    )

    @field_validator("recipients")
    @classmethod
    def _each_once(cls, recipients: tuple[RecipientConfig, ...]) -> tuple[RecipientConfig, ...]:
        """A person who is listed twice would be told twice."""
        names = [each.name for each in recipients]
        addresses = [f"{channel.kind} {channel.to.casefold()}" for each in recipients for channel in each.channels]
        twice = sorted({each for listed in (names, addresses) for each in listed if listed.count(each) > 1})
        if twice:
            raise PydanticCustomError("recipient_twice", "listed more than once: {names}", {"names": ", ".join(twice)})
        return recipients
