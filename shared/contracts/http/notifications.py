"""Who was told of a release, and whom to ask in an emergency, as they cross our HTTP border, version 1."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from pydantic import Field

from shared.application.notifications.ports import OF_RELEASE_MAX
from shared.application.notifications.queries import ToldOf
from shared.contracts.base import Contract
from shared.contracts.http.unreadable import UnreadableView, unreadable_of
from shared.domain.notifications.delivery import TRIES_KEPT, Delivery
from shared.domain.notifications.notice import Notice
from shared.domain.notifications.policy import Contact


class DeliveryTry(Contract):
    """One try at one address. `outcome` is `accepted`, or what went wrong."""

    at: datetime
    channel: str
    to: str
    outcome: str


class NotificationView(Contract):
    """One message to one recipient, and what it says of this release. `told_at` is when a channel accepted it, null
    before that; `note` says what hinders it."""

    recipient: str
    what: list[str]
    subject: str
    severity: Literal["info", "warning", "critical"]
    state: Literal["waiting", "taken", "sent", "dropped", "undeliverable"]
    channel: str
    to: str
    due_at: datetime
    told_at: datetime | None
    may_repeat: bool
    tries: list[DeliveryTry] = Field(max_length=TRIES_KEPT)
    note: str


class UnheardView(Contract):
    """A fact that nobody was told of, or not yet, and why."""

    fact: str
    at: datetime
    state: Literal["accepted", "unheard", "given_up"]
    note: str


class NotificationList(Contract):
    """The oldest first."""

    release_id: str
    notifications: list[NotificationView] = Field(max_length=OF_RELEASE_MAX * 2)
    nobody_told: list[UnheardView] = Field(max_length=OF_RELEASE_MAX * 2)
    unreadable: list[UnreadableView] = Field(default_factory=list)


class ContactView(Contract):
    """Whom to ask in an emergency, and for what; null where the configuration says neither."""

    role: str
    does: str
    name: str
    mail: str | None
    phone: str | None


class ContactList(Contract):
    """In the order of `config/notifications.yml`."""

    contacts: list[ContactView]


def notification_list_of(release_id: str, told: ToldOf) -> NotificationList:
    """The answer about one release."""
    return NotificationList(
        release_id=release_id,
        notifications=[_view(each, release_id) for each in told.deliveries],
        nobody_told=[_unheard(each) for each in told.untold],
        unreadable=unreadable_of(told.unreadable),
    )


def contact_list_of(contacts: Iterable[Contact]) -> ContactList:
    """The contacts as they are shown."""
    return ContactList(
        contacts=[
            ContactView(
                role=each.role, does=each.does, name=each.name, mail=each.mail or None, phone=each.phone or None
            )
            for each in contacts
        ]
    )


def _view(delivery: Delivery, release_id: str) -> NotificationView:
    items = [each for each in delivery.items if each.release_id == release_id] or list(delivery.items)
    severity = max(each.severity for each in items)
    return NotificationView(
        recipient=delivery.recipient,
        what=[each.what.value for each in items],
        subject=items[0].subject,
        severity=severity.name.lower(),  # type: ignore[arg-type]  # the names are those of the Literal
        state=delivery.state.value,
        channel=delivery.address.kind.value,
        to=delivery.address.to,
        due_at=delivery.due_at,
        told_at=delivery.taken_at,
        may_repeat=delivery.doubtful_at is not None,
        tries=[
            DeliveryTry(at=each.at, channel=each.address.kind.value, to=each.address.to, outcome=each.outcome)
            for each in delivery.tries
        ],
        note=delivery.note,
    )


def _unheard(notice: Notice) -> UnheardView:
    return UnheardView(
        fact=notice.fact.kind,
        at=notice.fact.at,
        state=notice.state.value,  # type: ignore[arg-type]  # one that was routed is not among them
        note=notice.note,
    )
