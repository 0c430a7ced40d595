"""What the supervisor writes for the parts: app settings of the host, its Event Grid key, topics and subscriptions.

Names and values: docs/local-cloud-contract.md. The app reads the same settings in Azure; only values differ.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

import yaml

from local import storage_account
from local.conventions import LOOPBACK, write_atomically
from local.eventgrid.names import custom_topic_id
from local.identity.people import BOARD_CLIENT_ID, load_directory, user_name
from local.supervisor.parts import (
    MAIL_ACCESS_KEY,
    MAIL_SENDER,
    REPOSITORY,
    SERVICE_BUS_KEY,
    TENANT,
    WEBHOOK_SECRET,
    WORKFLOW_SIGNATURE,
    Layout,
)

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
RESOURCE_GROUP = "mlops-rg"
WORKSPACES = {
    "DEV_WORKSPACE": "dev-ml-workspace",
    "TEST_WORKSPACE": "test-ml-workspace",
    "PRODUCTION_WORKSPACE": "prod-ml-workspace",
}
REGISTRY = "mlregistry-shared"
FACTS_TOPIC = "switchyard-facts"
FACTS_FILE = "facts.jsonl"
ALERTS_TOPIC = "switchyard-alerts"
MAIL_HOST = "switchyard-mail.europe.communication.azure.com"
API_AUDIENCE = "api://switchyard"
IDENTITY_HEADER = "local"

SHORT_WAITS = {"look_interval_s": 2, "settle_quiet_s": 10, "retry_backoff_s": 3}
"""What takes minutes in Azure takes seconds here."""

SHORT_WAITS_OF_FLEETS = {"look_interval_s": 10, "target_look_s": 1, "checks_parallel_max": 24, "watch_s": 600}
"""Of environment releases; the watch is long enough to look around and to roll back while it lasts."""

SHORT_WAITS_ONLINE = {"look_interval_s": 1, "settle_quiet_s": 5, "retry_backoff_s": 2, "watch_s": 4, "watch_look_s": 2}
"""Of releases to online endpoints."""

SHORT_WAITS_OF_ROUTINES = {"start_interval_s": 0.5, "look_interval_s": 2, "settle_quiet_s": 10, "retry_pause_s": 5}

_EVENT_GRID_KEY = "eventgrid_extension"
_ML = "Microsoft.MachineLearningServices."
_FUNCTIONS = {
    "model_events": [f"{_ML}ModelRegistered"],
    "run_events": [f"{_ML}RunStatusChanged", f"{_ML}RunCompleted"],
}


def app_settings(layout: Layout) -> dict[str, str]:
    """App settings by name, all strings, as in Azure."""
    storage = storage_account.connection_string(layout.azurite_ports)
    groups = {name: str(object_id) for name, object_id in load_directory().groups.items()}
    return {
        "AzureWebJobsStorage": storage,
        "STATE_STORAGE": storage,
        "SERVICEBUS": (
            f"Endpoint=sb://{LOOPBACK}:{layout.ports['servicebus']};SharedAccessKeyName={SERVICE_BUS_KEY[0]};"
            f"SharedAccessKey={SERVICE_BUS_KEY[1]};UseDevelopmentEmulator=true;"
        ),
        "RELEASE_EVENTS_QUEUE": "release-events",
        "EFFECTS_QUEUE": "effects",
        "TRAININGS_QUEUE": "trainings",
        "CHANGES_QUEUE": "changes",
        "ROUTINES_QUEUE": "routines",
        "NOTIFICATIONS_QUEUE": "notifications",
        "PUBLIC_URL": layout.url("host"),
        "MAIL": f"endpoint=https://{MAIL_HOST}/;accesskey={MAIL_ACCESS_KEY}",
        "MAIL_SENDER": MAIL_SENDER,
        "TEAMS_WEBHOOKS": json.dumps({"ml-team": _workflow(layout, "ml-team")}),
        "WEBHOOKS": json.dumps({"pager": {"url": f"{layout.url('mailbox')}/webhooks/pager", "secret": WEBHOOK_SECRET}}),
        "AZURE_TENANT_ID": TENANT,
        "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION,
        "AZURE_RESOURCE_GROUP": RESOURCE_GROUP,
        **WORKSPACES,
        "MODEL_REGISTRY": REGISTRY,
        "FACTS_TOPIC_ENDPOINT": f"https://{FACTS_TOPIC}.westeurope-1.eventgrid.azure.net/api/events",
        "API_AUDIENCE": API_AUDIENCE,
        "TOKEN_ISSUER": layout.issuer,
        "JWKS_URI": layout.jwks_uri,
        "BOARD_CLIENT_ID": BOARD_CLIENT_ID,
        "APPROVER_GROUPS": json.dumps(groups),
        "ALERT_TOPICS": custom_topic_id(ALERTS_TOPIC),
        "IDENTITY_ENDPOINT": f"{layout.url('identity')}/msi/token",
        "IDENTITY_HEADER": IDENTITY_HEADER,
        "SWITCHYARD_LOCAL_REDIRECT": json.dumps(redirect_targets(layout)),
        "SWEEP_SCHEDULE": "*/5 * * * * *",
        "ETL_SCHEDULE": "0 0 */3 * * *",
        "SENSOR_TABLE": str(layout.lake / "processed" / "sensor_data"),
        "INFERENCE_SCHEDULE": "0 30 3 * * *",
        "PERFORMANCE_SCHEDULE": "0 0 6 1 * *",
        "DRIFT_SCHEDULE": "0 0 6 1 1,4,7,10 *",
        "ROUTINE_SWEEP_SCHEDULE": "*/30 * * * * *",
        "MONITORING_FILE": str(layout.monitoring_file),
        "NOTIFICATIONS_FILE": str(layout.notifications_file),
        "PEOPLE_FILE": str(layout.people_file),
        "CONFIG_DIR": str(layout.config_dir),
        "POLICIES_FILE": str(layout.policies_file),
    }


def _workflow(layout: Layout, name: str) -> str:
    """The address of a Teams workflow, which is a secret."""
    return f"{layout.url('mailbox')}/workflows/{name}?sig={WORKFLOW_SIGNATURE}"


def redirect_targets(layout: Layout) -> dict[str, str]:
    """The arguments of `local.redirect.install`."""
    return {
        "azureml": layout.url("azureml"),
        "blob": layout.url("azurite_blob"),
        "eventgrid": layout.url("eventgrid"),
        "mailbox": layout.url("mailbox"),
    }


def write_settings(layout: Layout, extra: Mapping[str, str]) -> dict[str, str]:
    """Write settings.json in the form of local.settings.json; returns the values."""
    values = {**app_settings(layout), **extra}
    text = json.dumps({"IsEncrypted": False, "Values": values}, indent=2) + "\n"
    write_atomically(layout.settings_file, text, mode=0o600)
    return values


def write_policies(layout: Layout) -> None:
    """The fleet's own policies with short waits, whose accounts are whose, and who is told of what."""
    policies = yaml.safe_load((REPOSITORY / "config" / "policies.yml").read_text())
    for kind in ("model", "environment"):  # rollbacks have the limits of environment releases
        policies["kinds"][kind]["limits"].update(SHORT_WAITS)
    policies["kinds"]["environment"]["limits"].update(SHORT_WAITS_OF_FLEETS)
    policies["kinds"]["environment"]["watch"]["look_interval_s"] = 10
    policies["kinds"]["online"]["limits"].update(SHORT_WAITS_ONLINE)
    policies["training"]["look_interval_s"] = 2
    write_atomically(layout.policies_file, yaml.safe_dump(policies, sort_keys=False))
    monitoring = yaml.safe_load((REPOSITORY / "config" / "monitoring.yml").read_text())
    for limits in monitoring["routines"].values():
        limits.update(SHORT_WAITS_OF_ROUTINES)
    write_atomically(layout.monitoring_file, yaml.safe_dump(monitoring, sort_keys=False))
    write_atomically(layout.people_file, yaml.safe_dump(_people(), sort_keys=False))
    write_atomically(layout.notifications_file, yaml.safe_dump(_notifications(), sort_keys=False))


def _people() -> dict[str, Any]:
    """The demo people, by each name that the local parts know them by."""
    people = [
        {
            "object_id": str(person.oid),
            "name": person.name,
            "entra_names": [user_name(key)],
            "git_emails": [user_name(key)],
            "github_logins": [key],
        }
        for key, person in load_directory().people.items()
    ]
    return {"version": 1, "people": people}


def _notifications() -> dict[str, Any]:
    """The rules of the repository for the demo people: each hears by mail as their groups, on-call by mail and webhook,
    the team on Teams."""
    told: dict[str, Any] = yaml.safe_load((REPOSITORY / "config" / "notifications.yml").read_text())
    people = load_directory().people
    told["recipients"] = [
        {"name": key, "hears_as": list(person.groups), "channels": [{"kind": "mail", "to": user_name(key)}]}
        for key, person in people.items()
        if person.groups
    ]
    on_call = {"kind": "mail", "to": user_name("on-call")}
    told["recipients"] += [
        {"name": "on-call", "hears_as": ["on-call"], "channels": [on_call, {"kind": "webhook", "to": "pager"}]},
        {"name": "ml-team", "hears_as": ["on-call"], "channels": [{"kind": "teams", "to": "ml-team"}]},
    ]
    told["contacts"] = [
        {"role": role, "does": does, "name": people[key].name, "mail": user_name(key)}
        for role, does, key in (
            ("On-call ML engineer", "carries rollbacks out", "engineer-1"),
            ("ML engineering manager", "approves emergency rollbacks", "manager-1"),
        )
    ]
    return told


def write_eventgrid_config(layout: Layout, *, with_host: bool) -> None:
    """Subscriptions of the system topics to the host's webhook, and of the facts to a file a person can read."""
    subscriptions: list[dict[str, Any]] = [
        {"name": "facts-to-file", "topic": FACTS_TOPIC, "endpoint": f"file:{FACTS_FILE}"}
    ]
    if with_host:
        key = _event_grid_key(layout)
        webhook = f"{layout.url('host')}/runtime/webhooks/eventgrid"
        subscriptions += [
            {
                "name": f"{function.replace('_', '-')}-{workspace}",
                "system": workspace,
                "endpoint": f"{webhook}?functionName={function}&code={key}",
                "includedEventTypes": types,
            }
            for workspace in WORKSPACES.values()
            for function, types in _FUNCTIONS.items()
        ]
        alerts = f"{webhook}?functionName=alert_events&code={key}"
        facts = f"{webhook}?functionName=fact_events&code={key}"
        subscriptions += [
            {"name": "alert-events", "topic": ALERTS_TOPIC, "endpoint": alerts},
            {
                "name": "fact-events",
                "topic": FACTS_TOPIC,
                "endpoint": facts,
                "eventDeliverySchema": "CloudEventSchemaV1_0",
            },
        ]
    config = {"topics": [{"name": FACTS_TOPIC}, {"name": ALERTS_TOPIC}], "subscriptions": subscriptions}
    write_atomically(layout.eventgrid_config, json.dumps(config, indent=2) + "\n", mode=0o600)


def _event_grid_key(layout: Layout) -> str:
    """The host's system key. Written before the host's first start, which keeps it: no part waits for another."""
    file = layout.host_keys
    keys: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    system = keys.setdefault("system", {})
    if _EVENT_GRID_KEY not in system:
        system[_EVENT_GRID_KEY] = secrets.token_urlsafe(40)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, json.dumps(keys, indent=2) + "\n", mode=0o600)
    return str(system[_EVENT_GRID_KEY])
