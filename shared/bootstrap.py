"""Composition root: builds what the functions need, once per process and when it is first asked for.

Importing this module is cheap, because a cold start of every function pays for it: the SDKs are imported inside the
factories, and `azure.ai.ml`, which takes seconds, only inside the first call that needs it (AzureMlClients).
Everything with a connection string uses it; everything else uses the app's identity (DefaultAzureCredential).
"""

from functools import cache
from typing import TYPE_CHECKING

from shared.settings import APP_ROOT, Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure.core.credentials_async import AsyncTokenCredential
    from azure.storage.blob.aio import BlobServiceClient

    from shared.adapters.entra_tokens import TokenVerifier
    from shared.adapters.service_bus import ServiceBusCommandQueue, ServiceBusEventQueue
    from shared.adapters.table_access import Table
    from shared.application.alert_ports import AlertSource
    from shared.application.ports import EnvironmentPlatform, FactPublisher, ModelPlatform, Ports, ReleaseConfig
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
    from shared.application.ports import AlertPorts, Ports

    table = _table()
    platform, environments = _azure_ml(table)
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
        config=release_config(),
        evidence=BlobEvidenceStore(_blobs),
        read_notebook=_read_notebook,
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
    from azure.servicebus.aio import ServiceBusClient

    from shared.adapters.service_bus import ServiceBusCommandQueue, ServiceBusEventQueue

    app = settings()
    if app.servicebus:
        client = ServiceBusClient.from_connection_string(app.servicebus.get_secret_value())
    else:
        client = ServiceBusClient(str(app.servicebus_namespace), _credential())
    return (
        ServiceBusEventQueue(client, app.release_events_queue),
        ServiceBusCommandQueue(client, app.effects_queue),
    )


def _azure_monitor() -> "AlertSource":
    from shared.adapters.azure_monitor import AzureMonitorAlerts, monitor_client

    return AzureMonitorAlerts(monitor_client(_credential()), settings().azure_subscription_id)


def _facts() -> "FactPublisher":
    from azure.eventgrid.aio import EventGridPublisherClient

    from shared.adapters.event_grid_facts import EventGridFacts

    return EventGridFacts(EventGridPublisherClient(str(settings().facts_topic_endpoint), _credential()))


def _azure_ml(table: "Table") -> "tuple[ModelPlatform, EnvironmentPlatform]":
    from azure.identity import DefaultAzureCredential

    from shared.adapters.azure_ml import AzureMlPlatform
    from shared.adapters.azure_ml_clients import AzureMlClients, AzureMlScope
    from shared.adapters.azure_ml_environments import AzureMlEnvironmentPlatform
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
    credential = DefaultAzureCredential()
    pace = TablePace(table, SystemClock(), "arm-writes", app.arm_writes_per_second)
    clients = AzureMlClients(scope, credential, app.azure_ml_threads, pace)
    return AzureMlPlatform(clients), AzureMlEnvironmentPlatform(clients, credential)
