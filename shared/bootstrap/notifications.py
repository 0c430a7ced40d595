"""What telling people is built of."""

from dataclasses import replace
from typing import TYPE_CHECKING

from shared.bootstrap import connections
from shared.bootstrap.configuration import published
from shared.bootstrap.connections import settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.adapters.config.whole import WholeConfig
    from shared.application.notifications.ports import Channel, NotificationPorts
    from shared.application.release.ports import Ports
    from shared.domain.notifications.policy import ChannelKind


def notification_ports(releases: "Ports") -> "NotificationPorts":
    """Everything the use cases of notifications need."""
    from shared.adapters.service_bus.looks import ServiceBusLookQueue
    from shared.adapters.tables.notifications import TableNotificationLog
    from shared.application.notifications.ports import NotificationPorts

    return NotificationPorts(
        clock=releases.clock,
        log=TableNotificationLog(connections.table()),
        queue=ServiceBusLookQueue(connections.bus(), settings().notifications_queue),
        releases=releases.store,
        channels=_channels(),
        policy=published().notifications,
        name_of=_names_of(published()),
        board=str(settings().public_url or ""),
    )


def notifications_configured(ports: "NotificationPorts", whole: "WholeConfig") -> "NotificationPorts":
    """The ports with this configuration in force."""
    return replace(ports, policy=whole.notifications, name_of=_names_of(whole))


def _names_of(whole: "WholeConfig") -> "Callable[[str], str]":
    """What this configuration calls circuits."""

    def name_of(circuit: str) -> str:
        plan = whole.releases.plan(*circuit.split("/", 1)) if "/" in circuit else None
        return plan.known_as if plan else ""

    return name_of


def _channels() -> "dict[ChannelKind, Channel]":
    """Those that the settings set up."""
    from shared.adapters.channels.cloud_events import SignedEndpoint, SignedWebhooks
    from shared.adapters.channels.teams import PER_SECOND, TeamsWorkflows
    from shared.adapters.channels.webhook import Poster
    from shared.adapters.system_clock import SystemClock
    from shared.adapters.tables.pace import TablePace
    from shared.domain.notifications.policy import ChannelKind

    app, clock, poster = settings(), SystemClock(), Poster()
    channels: dict[ChannelKind, Channel] = {}
    if (app.mail or app.mail_endpoint) and app.mail_sender:
        channels[ChannelKind.MAIL] = _mail()
    if app.teams_webhooks:
        addresses = {name: url.get_secret_value() for name, url in app.teams_webhooks.items()}
        channels[ChannelKind.TEAMS] = TeamsWorkflows(
            addresses, poster, lambda name: TablePace(connections.table(), clock, f"teams-{name}", PER_SECOND)
        )
    if app.webhooks:
        endpoints = {
            name: SignedEndpoint(url=each.url.get_secret_value(), secret=each.secret.get_secret_value())
            for name, each in app.webhooks.items()
        }
        channels[ChannelKind.WEBHOOK] = SignedWebhooks(endpoints, poster, clock)
    return channels


def _mail() -> "Channel":
    """The client repeats nothing by itself."""
    from azure.communication.email.aio import EmailClient

    from shared.adapters.channels.mail import AzureMail

    app = settings()
    if app.mail:
        client = EmailClient.from_connection_string(app.mail.get_secret_value(), retry_total=0)
    else:
        client = EmailClient(str(app.mail_endpoint), connections.credential(), retry_total=0)
    return AzureMail(client, app.mail_sender or "")
