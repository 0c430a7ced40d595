"""The clients that the parts share. With a connection string they use it, and else the app's identity
(DefaultAzureCredential)."""

from functools import cache
from typing import TYPE_CHECKING

from shared.settings import APP_ROOT, Settings, load_settings

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential
    from azure.servicebus.aio import ServiceBusClient
    from azure.storage.blob.aio import BlobServiceClient

    from shared.adapters.azure_ml.clients import AzureMlClients
    from shared.adapters.tables.access import Table
    from shared.application.platform_ports import EnvironmentPlatform, ModelPlatform
    from shared.application.ports import FactPublisher, SourceControl


@cache
def settings() -> Settings:
    """The settings of this process. Raises SettingsError with every problem."""
    return load_settings()


@cache
def credential() -> "AsyncTokenCredential":
    """The app's identity."""
    from azure.identity.aio import DefaultAzureCredential

    return DefaultAzureCredential()


@cache
def table() -> "Table":
    """The one table."""
    from azure.data.tables.aio import TableServiceClient

    from shared.adapters.tables.access import CLIENT_OPTIONS, Table

    app = settings()
    if app.state_storage:
        service = TableServiceClient.from_connection_string(app.state_storage.get_secret_value(), **CLIENT_OPTIONS)
    else:
        service = TableServiceClient(str(app.state_storage_table_uri), credential=credential(), **CLIENT_OPTIONS)
    return Table(service, app.state_table)


def blobs() -> "BlobServiceClient":
    """Blob Storage; loaded by the first call of a store that needs it."""
    from azure.storage.blob.aio import BlobServiceClient

    from shared.adapters.blobs.evidence import CLIENT_OPTIONS

    app = settings()
    if app.state_storage:
        return BlobServiceClient.from_connection_string(app.state_storage.get_secret_value(), **CLIENT_OPTIONS)
    return BlobServiceClient(str(app.state_storage_blob_uri), credential=credential(), **CLIENT_OPTIONS)


@cache
def bus() -> "ServiceBusClient":
    """Service Bus; the connection opens with the first message."""
    from azure.servicebus.aio import ServiceBusClient

    app = settings()
    if app.servicebus:
        return ServiceBusClient.from_connection_string(app.servicebus.get_secret_value())
    return ServiceBusClient(str(app.servicebus_namespace), credential())


def facts() -> "FactPublisher":
    """The Event Grid topic on which facts are published."""
    from azure.eventgrid.aio import EventGridPublisherClient

    from shared.adapters.event_grid_facts import EventGridFacts

    return EventGridFacts(EventGridPublisherClient(str(settings().facts_topic_endpoint), credential()))


def azure_ml() -> "tuple[ModelPlatform, EnvironmentPlatform]":
    """Models and environments in Azure ML."""
    from shared.adapters.azure_ml.environments import AzureMlEnvironmentPlatform
    from shared.adapters.azure_ml.platform import AzureMlPlatform

    return AzureMlPlatform(clients()), AzureMlEnvironmentPlatform(clients())


@cache
def clients() -> "AzureMlClients":
    """The clients of Azure ML, paced together."""
    from azure.identity import DefaultAzureCredential

    from shared.adapters.azure_ml.clients import AzureMlClients, AzureMlScope
    from shared.adapters.system_clock import SystemClock
    from shared.adapters.tables.pace import TablePace

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
    pace = TablePace(table(), SystemClock(), "arm-writes", app.arm_writes_per_second)
    return AzureMlClients(scope, DefaultAzureCredential(), app.azure_ml_threads, pace)


def source_control() -> "SourceControl | None":
    """Where changes of the configuration are proposed; None for a dry run."""
    from shared.adapters.source_control.choose import source_control_of

    app = settings()
    if not app.propose_changes:
        return None
    token = app.proposals_token.get_secret_value() if app.proposals_token else ""
    return source_control_of(app.changes_repository or "", app.changes_branch, token, str(app.proposals_api or ""))
