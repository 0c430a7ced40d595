"""Composition root: builds what the functions need, once per process and when it is first asked for.

Importing this module is cheap, because a cold start of every function pays for it: the SDKs are imported inside the
factories, and `azure.ai.ml`, which takes seconds, only inside the first call that needs it (AzureMlClients).
Everything with a connection string uses it; everything else uses the app's identity (DefaultAzureCredential).
"""

from functools import cache
from typing import TYPE_CHECKING

from shared.settings import APP_ROOT, Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure.core.credentials_async import AsyncTokenCredential
    from azure.servicebus.aio import ServiceBusClient
    from azure.storage.blob.aio import BlobServiceClient

    from shared.adapters.azure_ml_clients import AzureMlClients
    from shared.adapters.entra_tokens import TokenVerifier
    from shared.adapters.service_bus import ServiceBusCommandQueue, ServiceBusEventQueue
    from shared.adapters.table_access import Table
    from shared.application.alert_ports import AlertSource
    from shared.application.changes_ports import ChangePorts
    from shared.application.etl import LoadPorts
    from shared.application.ports import EnvironmentPlatform, FactPublisher, ModelPlatform, Ports, ReleaseConfig
    from shared.application.routine_ports import RoutinePorts, SourceControl
    from shared.application.training.ports import TrainingPorts
    from shared.domain.evidence import NotebookFacts


@cache
def settings() -> Settings:
    """The settings of this process. Raises SettingsError with every problem."""
    return load_settings()


_provided: "Callable[[], Ports] | None" = None


def provide(made: "Callable[[], Ports] | None") -> None:
    """Has `ports` answer with what `made` makes, until None is provided: for whoever runs the functions on fakes."""
    global _provided
    _provided = made


def ports() -> "Ports":
    """Everything the use cases need. To be called on the event loop, which the async clients belong to from then on."""
    return _provided() if _provided else _ports()


@cache
def _ports() -> "Ports":
    from shared.adapters.blob_evidence import BlobEvidenceStore
    from shared.adapters.system_clock import SystemClock
    from shared.adapters.table_alerts import TableAlertLog
    from shared.adapters.table_freezes import TableFreezeLog
    from shared.adapters.table_intake import TableIntakeLog
    from shared.adapters.table_jobs import TableTestJobs
    from shared.adapters.table_locks import TableCircuitLocks
    from shared.adapters.table_releases import TableReleaseStore
    from shared.adapters.table_routines import TableTaskStore
    from shared.application.inference import RecordedOutcomes
    from shared.application.ports import AlertPorts, Ports

    table = _table()
    platform, environments = _azure_ml()
    events, commands = _queues()
    return Ports(
        clock=SystemClock(),
        store=TableReleaseStore(table),
        events=events,
        commands=commands,
        locks=TableCircuitLocks(table),
        freezes=TableFreezeLog(table),
        test_jobs=TableTestJobs(table),
        intake=TableIntakeLog(table),
        facts=_facts(),
        platform=platform,
        environments=environments,
        alerts=AlertPorts(log=TableAlertLog(table), source=_azure_monitor()),
        batch_outcomes=RecordedOutcomes(TableTaskStore(table)),
        config=release_config(),
        evidence=BlobEvidenceStore(_blobs),
        read_notebook=_read_notebook,
    )


_training_provided: "Callable[[], TrainingPorts] | None" = None


def provide_training(made: "Callable[[], TrainingPorts] | None") -> None:
    """The same as `provide`, for `training_ports`."""
    global _training_provided
    _training_provided = made


def training_ports() -> "TrainingPorts":
    """Everything the use cases of training need; to be called on the event loop."""
    return _training_provided() if _training_provided else _training_ports()


@cache
def _training_ports() -> "TrainingPorts":
    from azure.identity import DefaultAzureCredential

    from shared.adapters.azure_ml_training import AzureMlTrainingPlatform
    from shared.adapters.blob_artifacts import BlobArtifactStore
    from shared.adapters.service_bus_trainings import ServiceBusTrainingQueue
    from shared.adapters.system_clock import SystemClock
    from shared.adapters.table_trainings import TableTrainingStore
    from shared.adapters.table_trainings_slots import TableTrainingSlots
    from shared.adapters.training_config import FileTrainingConfig
    from shared.application.training.ports import TrainingPorts

    app, table = settings(), _table()
    return TrainingPorts(
        clock=SystemClock(),
        runs=TableTrainingStore(table),
        slots=TableTrainingSlots(table),
        queue=ServiceBusTrainingQueue(_bus(), app.trainings_queue),
        platform=AzureMlTrainingPlatform(_clients(), DefaultAzureCredential()),
        artifacts=BlobArtifactStore(_blobs),
        facts=_facts(),
        config=FileTrainingConfig(app.config_dir, app.policies_path, app.dev_workspace),
    )


_changes_provided: "Callable[[], ChangePorts] | None" = None


def provide_changes(made: "Callable[[], ChangePorts] | None") -> None:
    """The same as `provide`, for `change_ports`."""
    global _changes_provided
    _changes_provided = made


def change_ports() -> "ChangePorts":
    """Everything that merged changes need; to be called on the event loop."""
    return _changes_provided() if _changes_provided else _change_ports()


@cache
def _change_ports() -> "ChangePorts":
    from azure.identity import DefaultAzureCredential

    from shared.adapters.environment_registry import AzureMlEnvironmentRegistry
    from shared.adapters.git_cache import GitCache
    from shared.adapters.git_source import GitSource
    from shared.adapters.service_bus_changes import ServiceBusChangeQueue
    from shared.adapters.system_clock import SystemClock
    from shared.adapters.table_changes import TableChangeLog
    from shared.application.changes_ports import ChangePorts

    app, training = settings(), training_ports()
    token = app.changes_repository_token
    cache_of_branch = GitCache(
        app.changes_repository or "", app.changes_branch, token=token.get_secret_value() if token else ""
    )
    return ChangePorts(
        clock=SystemClock(),
        log=TableChangeLog(_table()),
        queue=ServiceBusChangeQueue(_bus(), app.changes_queue),
        source=GitSource(cache_of_branch),
        environments=AzureMlEnvironmentRegistry(_clients(), DefaultAzureCredential()),
        training=training,
        branch=app.changes_branch,
        environment_name=training.config.plan().environment_name,
    )


_routines_provided: "Callable[[], RoutinePorts] | None" = None


def provide_routines(made: "Callable[[], RoutinePorts] | None") -> None:
    """The same as `provide`, for `routine_ports`."""
    global _routines_provided
    _routines_provided = made


def routine_ports() -> "RoutinePorts":
    """Everything daily inference and monitoring need; to be called on the event loop."""
    return _routines_provided() if _routines_provided else _routine_ports()


@cache
def _routine_ports() -> "RoutinePorts":
    from azure.identity import DefaultAzureCredential

    from shared.adapters.azure_ml_routines import AzureMlRoutines
    from shared.adapters.monitoring_policy import load_monitoring
    from shared.adapters.service_bus_routines import ServiceBusRoutineQueue
    from shared.adapters.source_control import LocalFiles
    from shared.adapters.system_clock import SystemClock
    from shared.adapters.table_monitoring import TableProposalStore
    from shared.adapters.table_routines import TableTaskStore
    from shared.application.routine_ports import RoutinePorts

    app, table = settings(), _table()
    models, environments = _azure_ml()
    return RoutinePorts(
        clock=SystemClock(),
        tasks=TableTaskStore(table),
        queue=ServiceBusRoutineQueue(_bus(), app.routines_queue),
        platform=AzureMlRoutines(_clients(), DefaultAzureCredential()),
        models=models,
        environments=environments,
        facts=_facts(),
        proposals=TableProposalStore(table),
        config=release_config(),
        policy=load_monitoring(app.monitoring_path),
        registry=app.model_registry,
        local_files=LocalFiles(app.config_dir),
        source_control=_source_control(),
    )


def _source_control() -> "SourceControl | None":
    """None for a dry run."""
    from shared.adapters.source_control import source_control_of

    app = settings()
    if not app.propose_changes:
        return None
    token = app.proposals_token.get_secret_value() if app.proposals_token else ""
    return source_control_of(app.changes_repository or "", app.changes_branch, token, str(app.proposals_api or ""))


_loads_provided: "Callable[[], LoadPorts] | None" = None


def provide_loads(made: "Callable[[], LoadPorts] | None") -> None:
    """The same as `provide`, for `load_ports`."""
    global _loads_provided
    _loads_provided = made


def load_ports() -> "LoadPorts":
    """Everything the load of the sensor table needs; to be called on the event loop. Raises SettingsError."""
    return _loads_provided() if _loads_provided else _load_ports()


@cache
def _load_ports() -> "LoadPorts":
    from azure.identity import DefaultAzureCredential

    from shared.adapters.azure_ml_etl import AzureMlLoads
    from shared.adapters.data_config import load_plan
    from shared.adapters.system_clock import SystemClock
    from shared.application.etl import LoadPorts

    app = settings()
    if app.sensor_table is None:
        raise SettingsError(["SENSOR_TABLE is not set: set it to the address of the table that loads write"])
    return LoadPorts(
        clock=SystemClock(),
        platform=AzureMlLoads(_clients(), DefaultAzureCredential()),
        facts=_facts(),
        plan=load_plan(app.policies_path, app.model_registry, app.sensor_table),
    )


@cache
def token_verifier() -> "TokenVerifier":
    """Verifies the tokens of the API's callers."""
    from shared.adapters.entra_tokens import TokenVerifier

    app = settings()
    return TokenVerifier(
        issuers=app.issuers,
        audiences=app.api_audience,
        tenant_id=app.azure_tenant_id,
        jwks_uri=app.signing_keys_uri,
        groups=app.approver_groups,
    )


@cache
def release_config() -> "ReleaseConfig":
    """Policies and fleet, read once. Raises ConfigError with every mistake."""
    from shared.adapters.release_config import FileReleaseConfig

    app = settings()
    return FileReleaseConfig(app.config_dir, app.policies_path, app.resource_group_id)


@cache
def _credential() -> "AsyncTokenCredential":
    from azure.identity.aio import DefaultAzureCredential

    return DefaultAzureCredential()


@cache
def _table() -> "Table":
    from azure.data.tables.aio import TableServiceClient

    from shared.adapters.table_access import CLIENT_OPTIONS, Table

    app = settings()
    if app.state_storage:
        service = TableServiceClient.from_connection_string(app.state_storage.get_secret_value(), **CLIENT_OPTIONS)
    else:
        service = TableServiceClient(str(app.state_storage_table_uri), credential=_credential(), **CLIENT_OPTIONS)
    return Table(service, app.state_table)


def _blobs() -> "BlobServiceClient":
    from azure.storage.blob.aio import BlobServiceClient

    from shared.adapters.blob_evidence import CLIENT_OPTIONS

    app = settings()
    if app.state_storage:
        return BlobServiceClient.from_connection_string(app.state_storage.get_secret_value(), **CLIENT_OPTIONS)
    return BlobServiceClient(str(app.state_storage_blob_uri), credential=_credential(), **CLIENT_OPTIONS)


def _read_notebook(raw: bytes) -> "NotebookFacts":
    """Loads nbformat with the first notebook."""
    from shared.adapters.notebook_evidence import read_notebook

    return read_notebook(raw)


def _queues() -> "tuple[ServiceBusEventQueue, ServiceBusCommandQueue]":
    from shared.adapters.service_bus import ServiceBusCommandQueue, ServiceBusEventQueue

    app, client = settings(), _bus()
    return (
        ServiceBusEventQueue(client, app.release_events_queue),
        ServiceBusCommandQueue(client, app.effects_queue),
    )


@cache
def _bus() -> "ServiceBusClient":
    from azure.servicebus.aio import ServiceBusClient

    app = settings()
    if app.servicebus:
        return ServiceBusClient.from_connection_string(app.servicebus.get_secret_value())
    return ServiceBusClient(str(app.servicebus_namespace), _credential())


def _azure_monitor() -> "AlertSource":
    from shared.adapters.azure_monitor import AzureMonitorAlerts, monitor_client

    return AzureMonitorAlerts(monitor_client(_credential()), settings().azure_subscription_id)


def _facts() -> "FactPublisher":
    from azure.eventgrid.aio import EventGridPublisherClient

    from shared.adapters.event_grid_facts import EventGridFacts

    return EventGridFacts(EventGridPublisherClient(str(settings().facts_topic_endpoint), _credential()))


def _azure_ml() -> "tuple[ModelPlatform, EnvironmentPlatform]":
    from azure.identity import DefaultAzureCredential

    from shared.adapters.azure_ml import AzureMlPlatform
    from shared.adapters.azure_ml_environments import AzureMlEnvironmentPlatform

    clients = _clients()
    return AzureMlPlatform(clients), AzureMlEnvironmentPlatform(clients, DefaultAzureCredential())


@cache
def _clients() -> "AzureMlClients":
    from azure.identity import DefaultAzureCredential

    from shared.adapters.azure_ml_clients import AzureMlClients, AzureMlScope
    from shared.adapters.system_clock import SystemClock
    from shared.adapters.table_pace import TablePace

    app = settings()
    scope = AzureMlScope(
        tenant_id=app.azure_tenant_id,
        subscription_id=app.azure_subscription_id,
        resource_group=app.azure_resource_group,
        dev_workspace=app.dev_workspace,
        test_workspace=app.test_workspace,
        production_workspace=app.production_workspace,
        registry=app.model_registry,
        app_root=APP_ROOT,
    )
    pace = TablePace(_table(), SystemClock(), "arm-writes", app.arm_writes_per_second)
    return AzureMlClients(scope, DefaultAzureCredential(), app.azure_ml_threads, pace)
