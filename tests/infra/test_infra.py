"""The templates, the app and the local cloud say the same, and no file of infra/ holds a secret."""

import fnmatch
import json
import re
import subprocess
from typing import Any

import yaml

from functions.triggers import TRIGGERS, Events, Queue
from infra.check.__main__ import problems
from infra.check.roles import BUILT_IN
from infra.check.rules import value_at
from local.supervisor.settings import _FUNCTIONS as LOCAL_SUBSCRIPTIONS
from shared.adapters.entra_tokens import APP_ROLE, SCOPE
from shared.application.notifications.tell import HEARD
from shared.settings import Settings
from tests.infra.rendered import INFRA, REPOSITORY, app_settings, example, of, one


def test_no_template_has_a_mistake() -> None:
    assert [str(each) for each in problems()] == []


def test_the_app_accepts_the_settings_that_the_template_gives(monkeypatch: Any) -> None:
    """What only a deployment knows is filled in; everything else is as Resource Manager writes it."""
    from shared.settings import load_settings

    filled = {
        "STATE_STORAGE__tableServiceUri": "https://swstate.table.core.windows.net/",
        "STATE_STORAGE__blobServiceUri": "https://swstate.blob.core.windows.net/",
        "SERVICEBUS__fullyQualifiedNamespace": "switchyard.servicebus.windows.net",
        "FACTS_TOPIC_ENDPOINT": "https://switchyard.westeurope-1.eventgrid.azure.net/api/events",
    }
    for name, value in app_settings().items():
        monkeypatch.setenv(name, value if isinstance(value, str) else filled.get(name, ""))

    settings = load_settings()

    assert settings.servicebus_namespace == filled["SERVICEBUS__fullyQualifiedNamespace"]
    assert settings.propose_changes is False


def test_timers_have_six_fields() -> None:
    schedules = {name: value for name, value in app_settings().items() if name.endswith("_SCHEDULE")}

    assert schedules["SWEEP_SCHEDULE"] == "0 * * * * *"
    assert [name for name, value in schedules.items() if len(value.split()) != 6] == []


def test_timers_begin_when_they_are_asked_to() -> None:
    """A load every three hours, predictions after the load of 3:00, checks on the 1st at 6:00 (UTC)."""
    schedules = app_settings()

    assert schedules["ETL_SCHEDULE"] == "0 0 */3 * * *"
    assert schedules["INFERENCE_SCHEDULE"] == "0 30 3 * * *"
    assert schedules["PERFORMANCE_SCHEDULE"] == "0 0 6 1 * *"
    assert schedules["DRIFT_SCHEDULE"] == "0 0 6 1 1,4,7,10 *"


def test_logs_are_kept_for_90_days() -> None:
    logs = one("Microsoft.OperationalInsights/workspaces")

    assert value_at(logs.body, "properties.retentionInDays") == 90


def test_artifacts_that_were_written_over_or_deleted_are_kept_for_two_years() -> None:
    account = next(name for name in of("Microsoft.Storage/storageAccounts") if name.startswith("swstate"))
    policy = of("Microsoft.Storage/storageAccounts/managementPolicies")[f"{account}/default"]
    blobs = of("Microsoft.Storage/storageAccounts/blobServices")[f"{account}/default"]
    rule = value_at(policy.body, "properties.policy.rules")[0]

    assert "training-artifacts/" in value_at(rule, "definition.filters.prefixMatch")
    assert value_at(rule, "definition.actions.version.delete.daysAfterCreationGreaterThan") == 730
    assert value_at(blobs.body, "properties.isVersioningEnabled") is True


def rules() -> dict[str, dict[str, Any]]:
    found = of("Microsoft.Insights/scheduledQueryRules")
    return {name: each.body["properties"] for name, each in found.items()}


def test_the_rules_of_the_five_alerts_have_their_severity_dimensions_and_people() -> None:
    """Degradation, drift and failed jobs of each circuit, failed trainings; the fifth, of costs, is a budget."""
    told = rules()
    per_circuit = ["plant_id", "circuit_id"]

    for name, severity, dimensions in (
        ("model-performance-degradation", 2, per_circuit),
        ("data-drift", 3, per_circuit),
        ("batch-job-failure", 1, per_circuit),
        ("training-failure-rate", 2, []),
    ):
        criterion = told[name]["criteria"]["allOf"][0]
        assert (told[name]["severity"], [each["name"] for each in criterion["dimensions"]]) == (severity, dimensions)
        assert [group for group in told[name]["actions"]["actionGroups"] if group.endswith("/ml-ops-team")]


def test_what_is_worst_is_told_to_those_on_call_by_text_message() -> None:
    worst = {name for name, each in rules().items() if each["severity"] == 1}
    called = {name for name, each in rules().items() if "ml-ops-on-call" in str(each["actions"])}
    phones = example(callPhones=[{"countryCode": "1", "phoneNumber": "5550100"}])

    assert worst == called >= {"batch-job-failure", "dead-letters", "sweeps-missing"}
    assert of("Microsoft.Insights/actionGroups", phones)["ml-ops-on-call"].body["properties"]["smsReceivers"]


def test_what_is_worst_is_looked_at_every_minute() -> None:
    """A sweep that has not run for five minutes among it."""
    worst = [each for each in rules().values() if each["severity"] == 1]

    assert {(each["evaluationFrequency"], each["windowSize"]) for each in worst} == {("PT1M", "PT5M")}
    assert rules()["sweeps-missing"]["criteria"]["allOf"][0]["operator"] == "LessThan"


def test_rules_are_where_the_app_counts_them() -> None:
    """In the resource group of the workspaces, which is that of AZURE_RESOURCE_GROUP."""
    group = app_settings()["AZURE_RESOURCE_GROUP"]

    assert {str(each.scope).rpartition("/")[2] for each in of("Microsoft.Insights/scheduledQueryRules").values()} == {
        group
    }


def test_the_app_is_told_with_a_token_and_in_the_common_form() -> None:
    receiver = of("Microsoft.Insights/actionGroups")["switchyard"].body["properties"]["webhookReceivers"][0]

    assert receiver["useAadAuth"] is True
    assert receiver["useCommonAlertSchema"] is True
    assert "switchyard" not in of("Microsoft.Insights/actionGroups", example(apiObjectId=""))


def test_settings_that_the_plan_refuses_are_not_there() -> None:
    """Flex Consumption keeps them in functionAppConfig, and a deployment with one of them fails."""
    refused = {"FUNCTIONS_WORKER_RUNTIME", "FUNCTIONS_EXTENSION_VERSION", "WEBSITE_RUN_FROM_PACKAGE"}
    site = one("Microsoft.Web/sites").body["properties"]

    assert not refused & app_settings().keys()
    assert not {"ftpsState", "linuxFxVersion"} & site["siteConfig"].keys()
    assert site["functionAppConfig"]["runtime"] == {"name": "python", "version": "3.11"}


def test_queues_are_those_of_the_local_cloud() -> None:
    wanted = json.loads((REPOSITORY / "local" / "servicebus" / "queues.json").read_text())["queues"]
    queues = of("Microsoft.ServiceBus/namespaces/queues").values()

    assert [{"name": each.body["name"], **each.body["properties"]} for each in queues] == wanted


def test_the_app_reads_queues_that_are_made() -> None:
    """Every queue that a trigger names is a setting, and its value is one of the queues, each of them once."""
    triggers = {each.queue.strip("%").partition("%")[0] for each in TRIGGERS if isinstance(each, Queue)}
    made = [each.body["name"] for each in of("Microsoft.ServiceBus/namespaces/queues").values()]

    assert sorted(app_settings()[name] for name in triggers) == sorted(made)


def test_functions_get_the_event_types_that_the_local_cloud_gives_them() -> None:
    """Of all three workspaces, and what cannot be delivered is kept."""
    subscribed = of("Microsoft.EventGrid/systemTopics/eventSubscriptions", example(subscribeToEvents=True))
    found: dict[str, dict[str, list[str]]] = {}
    for name, each in subscribed.items():
        properties = each.body["properties"]
        function = properties["destination"]["properties"]["resourceId"].rpartition("/")[2]
        found.setdefault(name.partition("/")[0], {})[function] = properties["filter"]["includedEventTypes"]
        assert properties["deadLetterWithResourceIdentity"]["deadLetterDestination"]["endpointType"] == "StorageBlob"

    assert len(found) == 3
    assert all(functions == LOCAL_SUBSCRIPTIONS for functions in found.values())


def test_the_app_hears_of_every_fact_that_somebody_may_be_told_of() -> None:
    """In the schema of the topic, and what cannot be delivered is kept."""
    [told] = of("Microsoft.EventGrid/topics/eventSubscriptions", example(subscribeToEvents=True)).values()
    properties = told.body["properties"]

    assert set(properties["filter"]["includedEventTypes"]) == HEARD
    assert properties["destination"]["properties"]["resourceId"].rpartition("/")[2] == "fact_events"
    assert properties["eventDeliverySchema"] == "CloudEventSchemaV1_0"
    assert properties["deadLetterWithResourceIdentity"]["deadLetterDestination"]["endpointType"] == "StorageBlob"


def test_nothing_is_subscribed_before_the_functions_are_there() -> None:
    assert of("Microsoft.EventGrid/systemTopics/eventSubscriptions") == {}
    assert of("Microsoft.EventGrid/topics/eventSubscriptions") == {}


def test_the_functions_that_get_events_exist() -> None:
    assert {each.name for each in TRIGGERS if isinstance(each, Events)} >= set(LOCAL_SUBSCRIPTIONS)


def test_facts_are_cloud_events_on_a_topic_of_this_installation() -> None:
    """Names of topics are shared by everybody in a region."""
    topic = one("Microsoft.EventGrid/topics")

    assert topic.body["properties"]["inputSchema"] == "CloudEventSchemaV1_0"
    assert re.fullmatch(r"switchyard-facts-[a-z0-9]{13}", str(topic.name))


def test_every_role_is_the_one_its_comment_names() -> None:
    """And every GUID is such a role: nothing else of this form belongs into these files."""
    guid = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    for file in INFRA.rglob("*.bicep"):
        text = file.read_text()
        commented = re.findall(rf"'({guid})' // (.+)", text)
        assert re.findall(guid, text) == [each for each, _ in commented]
        assert [(name, each) for each, name in commented if name not in BUILT_IN or BUILT_IN[name].id != each] == []


def test_infra_holds_no_secret() -> None:
    """No key, connection string, signature or password, and nothing that would read one."""
    secret = re.compile(
        r"listKeys\(|listSecrets\(|listAccountSas|AccountKey=|SharedAccessKey=|InstrumentationKey|[?&]sig=|code="
        r"|@secure\(\)|password\w*['\"]?\s*[:=]|-----BEGIN|\beyJ[\w-]{20,}|[A-Za-z0-9+/]{40,}={1,2}",
        re.IGNORECASE,
    )
    written = [path for path in INFRA.rglob("*") if path.is_file() and path.relative_to(INFRA).parts[0] != "check"]
    texts = {path.name: path.read_text() for path in written}

    assert len(texts) >= 10
    assert {name: hit.group() for name, text in texts.items() if (hit := secret.search(text))} == {}


def test_the_app_registration_has_the_scope_and_the_roles_of_the_app() -> None:
    registration = json.loads((INFRA / "app_registration.json").read_text())
    groups = yaml.safe_load((REPOSITORY / "config" / "policies.yml").read_text())["groups"]
    roles = {role["value"]: role["allowedMemberTypes"] for role in registration["appRoles"]}

    assert [scope["value"] for scope in registration["api"]["oauth2PermissionScopes"]] == [SCOPE]
    applications = (APP_ROLE, Settings.model_fields["alert_sender_role"].default)
    assert roles == {**{group: ["User"] for group in groups}, **{role: ["Application"] for role in applications}}
    assert registration["api"]["requestedAccessTokenVersion"] == 2


def test_the_package_holds_what_the_app_needs_and_nothing_else() -> None:
    """What `.funcignore` leaves of the tracked files, by its top."""
    patterns = [line for line in (REPOSITORY / ".funcignore").read_text().splitlines() if line]
    listed = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, check=True, text=True)
    shipped = {
        name.split("/")[0]
        for name in listed.stdout.splitlines()
        if not any(fnmatch.fnmatch(part, pattern) for part in (*name.split("/"), name) for pattern in patterns)
    }

    assert patterns.index("!board/dist") > patterns.index("board/*")  # its sources stay, what was built of them goes
    assert shipped == {"config", "function_app.py", "functions", "host.json", "pipelines", "requirements.txt", "shared"}
