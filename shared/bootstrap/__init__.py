"""Composition root: builds what the functions need, once per process and when it is first asked for.

Importing this package is cheap, because a cold start of every function pays for it: the SDKs are imported inside the
factories, and `azure.ai.ml`, which takes seconds, only inside the first call that needs it (AzureMlClients).
"""

from typing import TYPE_CHECKING

from shared.bootstrap import connections, model_factory, releases
from shared.bootstrap.root import Root

if TYPE_CHECKING:
    from shared.application.alerts.ports import AlertPorts
    from shared.application.changes.ports import ChangePorts
    from shared.application.etl.load import LoadPorts
    from shared.application.release.ports import Ports
    from shared.application.routines.ports import RoutinePorts
    from shared.application.training.ports import TrainingPorts
    from shared.application.work.look import LookedAfter, WorkKind

settings = connections.settings
token_verifier = releases.token_verifier
release_config = releases.release_config

ports: "Root[Ports]" = Root(releases.ports)
"""Everything the use cases of releases need."""

alert_ports: "Root[AlertPorts]" = Root(lambda: releases.alert_ports(ports()))
"""Everything the use cases of alerts need."""

training_ports: "Root[TrainingPorts]" = Root(model_factory.training_ports)
"""Everything the use cases of training need."""

change_ports: "Root[ChangePorts]" = Root(lambda: model_factory.change_ports(training_ports()))
"""Everything that merged changes need."""

routine_ports: "Root[RoutinePorts]" = Root(model_factory.routine_ports)
"""Everything daily inference and monitoring need."""

load_ports: "Root[LoadPorts]" = Root(model_factory.load_ports)
"""Everything the load of the sensor table needs. Raises SettingsError."""


def looked_after(kind: "WorkKind") -> "LookedAfter":
    """How this kind of work is looked after; only what it needs is built."""
    from shared.application.work.look import WorkKind

    if kind is WorkKind.ALERT:
        from shared.application.alerts.looked_after import looked_after as alert

        return alert(alert_ports())
    if kind is WorkKind.CHANGE:
        from shared.application.changes.looked_after import looked_after as change

        return change(change_ports())
    if kind is WorkKind.TRAINING:
        from shared.application.training.looked_after import looked_after as training

        return training(training_ports())
    from shared.application.routines.looked_after import periods_looked_after, tasks_looked_after

    return tasks_looked_after(routine_ports()) if kind is WorkKind.TASK else periods_looked_after(routine_ports())
