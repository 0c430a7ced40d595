"""Commands about people: who was told of a release, and whom to ask in an emergency."""

from datetime import datetime

import typer
from rich.text import Text as Shown

from cli.api import parse
from cli.reading import AsJson, ReleaseId, print_json
from cli.session import console, talking
from cli.show import clock
from cli.unreadable import tell_unreadable
from cli.views import Text, View

_STYLES = {"sent": "green", "taken": "green", "waiting": "yellow", "undeliverable": "red"}


class Try(View):
    """One try at one address."""

    channel: Text
    to: Text
    outcome: Text


class Notification(View):
    """One message to one recipient."""

    recipient: Text
    subject: Text
    state: Text
    channel: Text
    to: Text
    due_at: datetime
    told_at: datetime | None
    may_repeat: bool
    tries: list[Try]
    note: Text


class Unheard(View):
    """A fact that nobody was told of."""

    fact: Text
    at: datetime
    note: Text


class Notifications(View):
    """The oldest first."""

    notifications: list[Notification]
    nobody_told: list[Unheard]


class Contact(View):
    """Whom to ask, and for what."""

    role: Text
    does: Text
    name: Text
    mail: Text | None
    phone: Text | None


class Contacts(View):
    """In the order of the configuration."""

    contacts: list[Contact]


def notifications(context: typer.Context, release_id: ReleaseId, as_json: AsJson = False) -> None:
    """List who was told of a release: when, how, and what hinders the rest."""
    with talking(context) as api:
        answer = api.notifications(release_id)
        if as_json:
            print_json(answer)
            return
        tell_unreadable(answer)
        found = parse(Notifications, answer)
        for told in found.notifications:
            console.print(_told(told), soft_wrap=True)
        for unheard in found.nobody_told:
            line = Shown(f"{clock(unheard.at)}  ", style="dim")
            line.append(f"{unheard.fact}: nobody was told", "yellow")
            console.print(line.append(f"  {unheard.note or 'not yet'}", "dim"), soft_wrap=True)
        if not found.notifications and not found.nobody_told:
            console.print("Nobody was told of this release, and nothing happened that anybody is told of.")


def contacts(context: typer.Context, as_json: AsJson = False) -> None:
    """List whom to ask in an emergency."""
    with talking(context) as api:
        answer = api.contacts()
        if as_json:
            print_json(answer)
            return
        listed = parse(Contacts, answer).contacts
        for each in listed:
            how = "  ".join(way for way in (each.phone, each.mail) if way)
            console.print(f"{each.role} ({each.does}): {each.name}  {how}", soft_wrap=True)
        if not listed:
            console.print("No contacts are configured: add them to config/notifications.yml.")


def _told(told: Notification) -> Shown:
    """When, who, what, how far; below it the tries that failed."""
    line = Shown(f"{clock(told.told_at or told.due_at)}  ", style="dim")
    line.append(f"{told.recipient}  ", "bold")
    line.append(f"{told.subject}  ", "default")
    by = (
        f"{told.state} by {told.channel} to {told.to}" if told.told_at else f"{told.state}, {told.channel} to {told.to}"
    )
    line.append(f"{by}{', maybe twice' if told.may_repeat else ''}", _STYLES.get(told.state, "dim"))
    for each in told.tries:
        if each.outcome != "accepted":
            line.append(f"\n    {each.channel} to {each.to}: {each.outcome}", "dim")
    if told.note and not told.told_at and all(each.outcome != told.note for each in told.tries):
        line.append(f"\n    {told.note}", "dim")
    return line
