"""What releases, rollbacks, alerts and freezes are built of."""

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from shared.bootstrap import connections
from shared.bootstrap.configuration import configurations, published
from shared.bootstrap.connections import settings

if TYPE_CHECKING:
    from shared.adapters.config.whole import WholeConfig
    from shared.adapters.entra_tokens import TokenVerifier
    from shared.adapters.service_bus.link import ServiceBusCommandQueue, ServiceBusEventQueue
    from shared.application.alerts.ports import AlertPorts, AlertSource
    from shared.application.ports import FindingLog
    from shared.application.release.ports import Ports
    from shared.domain.evidence.matrix import NotebookFacts


def ports() -> "Ports":
    """Everything the use cases need."""
    from shared.adapters.azure_ml.online import AzureMlOnline
    from shared.adapters.blobs.evidence import BlobEvidenceStore
    from shared.adapters.config.edits import with_environment_raised
    from shared.adapters.held_sets import FileHeldSets
    from shared.adapters.source_control.choose import FilesInForce
    from shared.adapters.system_clock import SystemClock
    from shared.adapters.tables.changes import TableChangeLog
    from shared.adapters.tables.endpoints import TableEndpointLog
    from shared.adapters.tables.freezes import TableFreezeLog
    from shared.adapters.tables.intake import TableIntakeLog
    from shared.adapters.tables.jobs import TableTestJobs
    from shared.adapters.tables.locks import TableCircuitLocks
    from shared.adapters.tables.releases import TableReleaseStore
    from shared.adapters.tables.routines import TableTaskStore
    from shared.adapters.tables.trainings import TableTrainingStore
    from shared.application.changes.makers import RecordedChanges
    from shared.application.configuration import ViewedConfigurations
    from shared.application.release.ports import Ports
    from shared.application.routines.inference import RecordedOutcomes
    from shared.application.training.makers import RecordedRuns
    from shared.settings import APP_ROOT

    table = connections.table()
    platform, environments = connections.azure_ml()
    events, commands = _queues()
    return Ports(
        clock=SystemClock(),
        store=TableReleaseStore(table),
        events=events,
        commands=commands,
        locks=TableCircuitLocks(table),
        freezes=TableFreezeLog(table),
        test_jobs=TableTestJobs(table),
        endpoint_log=TableEndpointLog(table),
        intake=TableIntakeLog(table),
        facts=connections.facts(),
        platform=platform,
        environments=environments,
        online=AzureMlOnline(connections.clients()),
        held_sets=FileHeldSets(APP_ROOT),
        batch_outcomes=RecordedOutcomes(TableTaskStore(table)),
        model_makers=RecordedRuns(TableTrainingStore(table)),
        environment_makers=RecordedChanges(TableChangeLog(table)),
        config=published().releases,
        configurations=ViewedConfigurations(configurations(), lambda whole: whole.releases),
        evidence=BlobEvidenceStore(connections.blobs),
        read_notebook=_read_notebook,
        local_files=FilesInForce(published().tree),
        raise_environment=with_environment_raised,
        source_control=connections.source_control(),
    )


def configured(ports: "Ports", whole: "WholeConfig") -> "Ports":
    """The ports with this configuration in force."""
    from shared.adapters.source_control.choose import FilesInForce

    return replace(ports, config=whole.releases, local_files=FilesInForce(whole.tree))


def alert_ports(releases: "Ports") -> "AlertPorts":
    """Everything the use cases of alerts need. Their looks ride the queue of the releases' commands."""
    from shared.adapters.service_bus.looks import ServiceBusLookQueue
    from shared.adapters.tables.alerts import TableAlertLog
    from shared.application.alerts.ports import AlertPorts

    return AlertPorts(
        log=TableAlertLog(connections.table()),
        source=_azure_monitor(),
        queue=ServiceBusLookQueue(connections.bus(), settings().effects_queue),
        config=published().releases,
        releases=releases,
    )


def alerts_configured(ports: "AlertPorts", whole: "WholeConfig") -> "AlertPorts":
    """The ports with this configuration in force."""
    return replace(ports, config=whole.releases, releases=configured(ports.releases, whole))


def findings() -> "FindingLog":
    """Where what the app finds itself becomes an alert."""
    from shared.adapters.service_bus.looks import ServiceBusLookQueue
    from shared.adapters.system_clock import SystemClock
    from shared.adapters.tables.alerts import TableAlertLog
    from shared.application.alerts.own import OwnAlerts

    queue = ServiceBusLookQueue(connections.bus(), settings().effects_queue)
    return OwnAlerts(TableAlertLog(connections.table()), queue, SystemClock())


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


def _read_notebook(raw: bytes) -> "NotebookFacts":
    """Loads the reader with the first notebook."""
    from shared.adapters.notebook_evidence import read_notebook

    return read_notebook(raw)


def _queues() -> "tuple[ServiceBusEventQueue, ServiceBusCommandQueue]":
    from shared.adapters.service_bus.link import ServiceBusCommandQueue, ServiceBusEventQueue

    app, client = settings(), connections.bus()
    return (
        ServiceBusEventQueue(client, app.release_events_queue),
        ServiceBusCommandQueue(client, app.effects_queue),
    )


def _azure_monitor() -> "AlertSource":
    from shared.adapters.azure_monitor import AzureMonitorAlerts, monitor_client

    return AzureMonitorAlerts(monitor_client(connections.credential()), settings().azure_subscription_id)
