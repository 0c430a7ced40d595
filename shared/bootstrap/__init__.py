"""Composition root: builds what the functions need, once per process and when it is first asked for.

Importing this package is cheap, because a cold start of every function pays for it: the SDKs are imported inside the
factories, and `azure.ai.ml`, which takes seconds, only inside the first call that needs it (AzureMlClients).
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from shared.application.errors import PortError
from shared.bootstrap import connections, model_factory, notifications, releases
from shared.bootstrap.root import P, Root

if TYPE_CHECKING:
    from shared.application.alerts.ports import AlertPorts
    from shared.application.changes.ports import ChangePorts
    from shared.application.etl.load import LoadPorts
    from shared.application.notifications.ports import NotificationPorts
    from shared.application.release.ports import Ports
    from shared.application.routines.ports import RoutinePorts
    from shared.application.training.ports import TrainingPorts
    from shared.application.work.look import Look, LookedAfter, WorkKind

settings = connections.settings
token_verifier = releases.token_verifier

ports: "Root[Ports]" = Root(releases.ports, releases.configured)
"""Everything the use cases of releases need."""

alert_ports: "Root[AlertPorts]" = Root(lambda: releases.alert_ports(ports.started()), releases.alerts_configured)
"""Everything the use cases of alerts need."""

training_ports: "Root[TrainingPorts]" = Root(model_factory.training_ports, model_factory.training_configured)
"""Everything the use cases of training need."""

change_ports: "Root[ChangePorts]" = Root(
    lambda: model_factory.change_ports(training_ports.started()), model_factory.changes_configured, mends=True
)
"""Everything that merged changes need."""

routine_ports: "Root[RoutinePorts]" = Root(model_factory.routine_ports, model_factory.routines_configured)
"""Everything daily inference and monitoring need."""

load_ports: "Root[LoadPorts]" = Root(model_factory.load_ports, model_factory.loads_configured)
"""Everything the load of the sensor table needs. Raises SettingsError."""

notification_ports: "Root[NotificationPorts]" = Root(
    lambda: notifications.notification_ports(ports.started()), notifications.notifications_configured
)
"""Everything that telling people needs."""


def looked_after(kind: "WorkKind") -> "LookedAfter":
    """How this kind of work is looked after; only what it needs is built. Each look asks what is in force, so that a
    table that does not answer has it tried again like any other fault."""
    from shared.application.work.look import WorkKind

    if kind is WorkKind.ALERT:
        from shared.application.alerts.looked_after import looked_after as alert

        return _in_force(alert_ports, alert)
    if kind is WorkKind.CHANGE:
        from shared.application.changes.looked_after import looked_after as change

        return _in_force(change_ports, change)
    if kind is WorkKind.TRAINING:
        from shared.application.training.looked_after import looked_after as training

        return _in_force(training_ports, training)
    if kind in (WorkKind.NOTICE, WorkKind.DELIVERY):
        from shared.application.notifications.looked_after import deliveries_looked_after, notices_looked_after

        is_fact = kind is WorkKind.NOTICE
        return _in_force(notification_ports, notices_looked_after if is_fact else deliveries_looked_after)
    from shared.application.routines.looked_after import periods_looked_after, tasks_looked_after

    return _in_force(routine_ports, tasks_looked_after if kind is WorkKind.TASK else periods_looked_after)


def _in_force(root: "Root[P]", made: "Callable[[P], LookedAfter]") -> "LookedAfter":
    async def look(each: "Look") -> None:
        await made(await root()).look(each)

    async def give_up(key: str, reason: str) -> None:
        try:
            ports = await root()
        except PortError:  # which may be why it is given up
            ports = root.started()
        await made(ports).give_up(key, reason)

    return replace(made(root.started()), look=look, give_up=give_up)
