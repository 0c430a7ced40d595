"""What the model factory is built of: merged changes, training, the load of the sensor table, inference, monitoring."""

from dataclasses import replace
from typing import TYPE_CHECKING

from shared.bootstrap import connections
from shared.bootstrap.configuration import git_source, published
from shared.bootstrap.connections import settings
from shared.bootstrap.releases import findings
from shared.settings import SettingsError

if TYPE_CHECKING:
    from shared.adapters.config.whole import WholeConfig
    from shared.application.changes.ports import ChangePorts
    from shared.application.etl.load import LoadPorts
    from shared.application.routines.ports import RoutinePorts
    from shared.application.training.ports import TrainingPorts


def training_ports() -> "TrainingPorts":
    """Everything the use cases of training need."""
    from shared.adapters.azure_ml.training import AzureMlTrainingPlatform
    from shared.adapters.blobs.artifacts import BlobArtifactStore
    from shared.adapters.service_bus.looks import ServiceBusLookQueue
    from shared.adapters.system_clock import SystemClock
    from shared.adapters.tables.slots import TableTrainingSlots
    from shared.adapters.tables.trainings import TableTrainingStore
    from shared.application.training.ports import TrainingPorts

    app, table = settings(), connections.table()
    return TrainingPorts(
        clock=SystemClock(),
        runs=TableTrainingStore(table),
        slots=TableTrainingSlots(table),
        queue=ServiceBusLookQueue(connections.bus(), app.trainings_queue),
        platform=AzureMlTrainingPlatform(connections.clients()),
        artifacts=BlobArtifactStore(connections.blobs),
        facts=connections.facts(),
        findings=findings(),
        config=published().training,
    )


def change_ports(training: "TrainingPorts") -> "ChangePorts":
    """Everything that merged changes need."""
    from shared.adapters.azure_ml.registry import AzureMlEnvironmentRegistry
    from shared.adapters.azure_ml.running import ListedEnvironments
    from shared.adapters.blobs.configurations import BlobConfigurations
    from shared.adapters.service_bus.looks import ServiceBusLookQueue
    from shared.adapters.system_clock import SystemClock
    from shared.adapters.tables.changes import TableChangeLog
    from shared.application.changes.ports import ChangePorts

    app = settings()
    return ChangePorts(
        clock=SystemClock(),
        log=TableChangeLog(connections.table()),
        queue=ServiceBusLookQueue(connections.bus(), app.changes_queue),
        source=git_source(),
        kept=BlobConfigurations(connections.blobs),
        environments=AzureMlEnvironmentRegistry(connections.clients()),
        production=ListedEnvironments(connections.azure_ml()[1], published().releases),
        training=training,
        branch=app.changes_branch,
        environment_name=training.config.plan().environment_name,
    )


def training_configured(ports: "TrainingPorts", whole: "WholeConfig") -> "TrainingPorts":
    """The ports with this configuration in force."""
    return replace(ports, config=whole.training)


def changes_configured(ports: "ChangePorts", whole: "WholeConfig") -> "ChangePorts":
    """The ports with this configuration in force."""
    from shared.adapters.azure_ml.running import ListedEnvironments

    training = training_configured(ports.training, whole)
    return replace(
        ports,
        training=training,
        production=ListedEnvironments(connections.azure_ml()[1], whole.releases),
        environment_name=training.config.plan().environment_name,
    )


def routine_ports() -> "RoutinePorts":
    """Everything daily inference and monitoring need."""
    from shared.adapters.azure_ml.routines import AzureMlRoutines
    from shared.adapters.service_bus.looks import ServiceBusLookQueue
    from shared.adapters.source_control.choose import FilesInForce
    from shared.adapters.system_clock import SystemClock
    from shared.adapters.tables.monitoring import TableProposalStore
    from shared.adapters.tables.routines import TableTaskStore
    from shared.application.routines.ports import RoutinePorts

    app, table = settings(), connections.table()
    models, environments = connections.azure_ml()
    return RoutinePorts(
        clock=SystemClock(),
        tasks=TableTaskStore(table),
        queue=ServiceBusLookQueue(connections.bus(), app.routines_queue),
        platform=AzureMlRoutines(connections.clients()),
        models=models,
        environments=environments,
        facts=connections.facts(),
        findings=findings(),
        proposals=TableProposalStore(table),
        config=published().releases,
        policy=published().monitoring,
        registry=app.model_registry,
        local_files=FilesInForce(published().tree),
        source_control=connections.source_control(),
    )


def routines_configured(ports: "RoutinePorts", whole: "WholeConfig") -> "RoutinePorts":
    """The ports with this configuration in force."""
    from shared.adapters.source_control.choose import FilesInForce

    files = FilesInForce(whole.tree)
    return replace(ports, config=whole.releases, policy=whole.monitoring, local_files=files)


def load_ports() -> "LoadPorts":
    """Everything the load of the sensor table needs. Raises SettingsError."""
    from shared.adapters.azure_ml.etl import AzureMlLoads
    from shared.adapters.system_clock import SystemClock
    from shared.application.etl.load import LoadPorts

    app = settings()
    if app.sensor_table is None:
        raise SettingsError(["SENSOR_TABLE is not set: set it to the address of the table that loads write"])
    return LoadPorts(
        clock=SystemClock(),
        platform=AzureMlLoads(connections.clients()),
        facts=connections.facts(),
        findings=findings(),
        plan=published().loads,
    )


def loads_configured(ports: "LoadPorts", whole: "WholeConfig") -> "LoadPorts":
    """The ports with this configuration in force."""
    return replace(ports, plan=whole.loads)
