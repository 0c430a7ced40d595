"""The Bicep files, the app and the local cloud say the same, and no file of infra/ holds a secret."""

import fnmatch
import json
import re
import subprocess
from typing import Any

import pytest
import yaml

from functions.triggers import TRIGGERS, Events
from local.supervisor.settings import _FUNCTIONS as LOCAL_SUBSCRIPTIONS
from shared.adapters.entra_tokens import APP_ROLE, SCOPE
from shared.settings import Settings
from tests.infra.bicep import INFRA, REPOSITORY, Bicep, files, main, module

EVERY_FILE = pytest.mark.parametrize("file", files(), ids=lambda file: file.path.name)

#: Built-in roles and their documented ids. Nothing else may be assigned: no Owner, no Contributor, no Data Owner.
ROLES = {
    "AzureML Data Scientist": "f6c7c914-8db3-469d-8ca1-694a8f32e121",
    "AzureML Registry User": "1823dd4f-9b8c-4ab6-ab4e-7397a3684615",
    "Azure Service Bus Data Receiver": "4f6d3b9b-027b-4f4c-9142-0e5a2a2247e0",
    "Azure Service Bus Data Sender": "69a216fc-b8fb-44d8-bc22-1f3c2cd27a39",
    "EventGrid Data Sender": "d5a91429-5739-47e2-a06b-3470a27159e7",
    "Monitoring Metrics Publisher": "3913510d-42f4-4e42-8a64-420c390055eb",
    "Storage Blob Data Contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "Storage Blob Data Owner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "Storage Table Data Contributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
}

#: Settings of the app that Azure does not set: connection strings are secrets, the files ship with the app.
NOT_IN_AZURE = {"STATE_STORAGE", "SERVICEBUS", "CONFIG_DIR", "POLICIES_FILE", "MONITORING_FILE", "PEOPLE_FILE"}

#: What is no setting of shared/settings.py: read by the host, by the triggers, or by the identity SDK.
OF_THE_PLATFORM = {
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "AZURE_CLIENT_ID",
    "AzureWebJobsStorage__accountName",
    "AzureWebJobsStorage__clientId",
    "AzureWebJobsStorage__credential",
    "SERVICEBUS__clientId",
    "SERVICEBUS__credential",
    "SWEEP_SCHEDULE",
    "ETL_SCHEDULE",
    "INFERENCE_SCHEDULE",
    "PERFORMANCE_SCHEDULE",
    "DRIFT_SCHEDULE",
    "ROUTINE_SWEEP_SCHEDULE",
}

_GUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def app_settings() -> dict[str, str]:
    """App settings by name, with the expressions that give their values."""
    code = main().code
    block = code[code.index("appSettings: {") : code.index("module workspaceEvents")]
    return dict(re.findall(r"^      (\w+): (.+?) *$", block, re.MULTILINE))


def known_settings() -> dict[str, bool]:
    """Environment variables of shared/settings.py; True where the app cannot start without one."""
    fields = Settings.model_fields.items()
    return {
        str(field.validation_alias) if field.validation_alias else name.upper(): field.is_required()
        for name, field in fields
    }


def queue(symbol: str) -> dict[str, Any]:
    """Name and properties of a queue, as `local/servicebus/queues.json` has them."""
    body = module("service_bus").resource(symbol)
    values = re.findall(r"^\s*(\w+): ('[^']*'|true|false|\d+)\s*$", body, re.MULTILINE)
    return {key: value.strip("'") if value.startswith("'") else json.loads(value) for key, value in values}


@EVERY_FILE
def test_brackets_balance_and_strings_end(file: Bicep) -> None:
    assert file.unbalanced() == []


def test_an_open_bracket_and_an_open_string_are_noticed(tmp_path: Any) -> None:
    """The test above sees something."""
    broken = Bicep(tmp_path / "broken.bicep")
    broken.path.write_text("var a = [\n  'x'\nvar b = 'y\n")

    assert [problem.partition(": ")[2] for problem in broken.unbalanced()] == ["] is missing", "a string does not end"]


@EVERY_FILE
def test_every_module_exists_and_is_given_exactly_its_parameters(file: Bicep) -> None:
    for each in file.modules:
        called = Bicep(file.path.parent / each.path)
        declared = called.parameters
        required = {name for name, needed in declared.items() if needed}

        assert called.path.is_file()
        assert each.given <= declared.keys(), f"{each.symbol} is given what it does not take"
        assert required <= each.given, f"{each.symbol} lacks a parameter"


def test_every_module_of_the_folder_is_used() -> None:
    used = {(INFRA / each.path).resolve() for each in main().modules}

    assert used == {path.resolve() for path in (INFRA / "modules").glob("*.bicep")}


def test_every_output_that_is_read_is_declared() -> None:
    paths = {each.symbol: each.path for each in main().modules}
    read = re.findall(r"\b(\w+)\.outputs\.(\w+)", main().code)

    assert read
    assert [f"{symbol}.{name}" for symbol, name in read if name not in Bicep(INFRA / paths[symbol]).outputs] == []


@EVERY_FILE
def test_every_parameter_and_variable_is_used(file: Bicep) -> None:
    declared = re.findall(r"^(?:param|var) (\w+)", file.code, re.MULTILINE)

    assert [name for name in declared if len(re.findall(rf"\b{name}\b", file.code)) < 2] == []


def test_the_example_sets_known_parameters_and_all_that_have_no_default() -> None:
    example = Bicep(INFRA / "main.bicepparam")
    given = set(re.findall(r"^param (\w+) =", example.code, re.MULTILINE))
    declared = main().parameters

    assert example.unbalanced() == []
    assert given <= declared.keys()
    assert {name for name, needed in declared.items() if needed} <= given


def test_the_app_gets_every_setting_it_knows_and_none_it_does_not() -> None:
    expected = (known_settings().keys() - NOT_IN_AZURE) | OF_THE_PLATFORM

    assert app_settings().keys() == expected


def test_no_setting_that_the_app_needs_is_left_out_or_empty() -> None:
    needed = {name for name, required in known_settings().items() if required}

    assert needed <= app_settings().keys()
    assert [name for name, value in app_settings().items() if value == "''"] == []


def test_timers_have_six_fields() -> None:
    schedules = {name: value for name, value in app_settings().items() if name.endswith("_SCHEDULE")}

    assert schedules["SWEEP_SCHEDULE"] == "'0 * * * * *'"
    assert [name for name, value in schedules.items() if len(value.partition("//")[0].strip(" '").split()) != 6] == []


def test_timers_begin_when_they_are_asked_to() -> None:
    """A load every three hours, predictions after the load of 3:00, checks on the 1st at 6:00 (UTC)."""
    schedules = app_settings()

    assert schedules["ETL_SCHEDULE"].startswith("'0 0 */3 * * *'")
    assert schedules["INFERENCE_SCHEDULE"].startswith("'0 30 3 * * *'")
    assert schedules["PERFORMANCE_SCHEDULE"].startswith("'0 0 6 1 * *'")
    assert schedules["DRIFT_SCHEDULE"].startswith("'0 0 6 1 1,4,7,10 *'")


def test_logs_are_kept_for_90_days() -> None:
    assert "retentionInDays: 90" in module("monitoring").resource("logs")


def test_failed_trainings_are_an_alert_rule_of_severity_2() -> None:
    """The rule looks for the words that the app logs when it has counted too many."""
    rule = module("monitoring").resource("trainingFailureRate")
    words = re.search(r'startswith "([^"]+)"', module("monitoring").text)

    assert "severity: 2" in rule
    assert "enabled: true" in rule
    assert words
    assert any(words.group(1) in path.read_text() for path in (REPOSITORY / "shared" / "application").rglob("*.py"))


def test_settings_that_the_plan_refuses_are_not_there() -> None:
    """Flex Consumption keeps them in functionAppConfig, and a deployment with one of them fails."""
    refused = {"FUNCTIONS_WORKER_RUNTIME", "FUNCTIONS_EXTENSION_VERSION", "WEBSITE_RUN_FROM_PACKAGE"}
    code = module("function_app").code

    assert not refused & app_settings().keys()
    assert not re.search(r"\b(ftpsState|linuxFxVersion):", code)
    assert "name: 'python', version: '3.11'" in code


def test_queues_are_those_of_the_local_cloud() -> None:
    wanted = json.loads((REPOSITORY / "local" / "servicebus" / "queues.json").read_text())["queues"]

    assert [queue(name) for name in ("releaseEvents", "effects", "trainings", "changes", "routines")] == wanted


def test_the_app_reads_the_queues_by_their_names() -> None:
    code = module("service_bus").code

    assert app_settings()["RELEASE_EVENTS_QUEUE"] == "serviceBus.outputs.releaseEventsQueue"
    assert app_settings()["EFFECTS_QUEUE"] == "serviceBus.outputs.effectsQueue"
    assert "output releaseEventsQueue string = releaseEvents.name" in code
    assert app_settings()["CHANGES_QUEUE"] == "serviceBus.outputs.changesQueue"
    assert app_settings()["ROUTINES_QUEUE"] == "serviceBus.outputs.routinesQueue"
    assert "output routinesQueue string = routines.name" in code
    assert "output effectsQueue string = effects.name" in code
    assert "output changesQueue string = changes.name" in code


def test_functions_get_the_event_types_that_the_local_cloud_gives_them() -> None:
    found = re.findall(r"function: '(\w+)'\s+eventTypes: \[(.*?)\]", module("workspace_events").code, re.DOTALL)

    assert {function: re.findall(r"'([\w.]+)'", types) for function, types in found} == LOCAL_SUBSCRIPTIONS


def test_the_functions_that_get_events_exist() -> None:
    assert {each.name for each in TRIGGERS if isinstance(each, Events)} >= set(LOCAL_SUBSCRIPTIONS)


def test_events_of_all_three_workspaces_are_delivered_and_kept_when_they_cannot_be() -> None:
    assert "var workspaces = [devWorkspace, testWorkspace, productionWorkspace]" in main().code
    assert "[for workspace in workspaces:" in main().code
    assert "deadLetterDestination" in module("workspace_events").resource("delivery")


def test_facts_are_cloud_events_on_their_topic() -> None:
    assert "param factsTopicName string = 'switchyard-facts'" in main().code
    assert "inputSchema: 'CloudEventSchemaV1_0'" in module("facts_topic").resource("topic")


@EVERY_FILE
def test_every_role_is_the_one_its_comment_names(file: Bicep) -> None:
    """And every GUID is such a role: nothing else of this form belongs into these files."""
    commented = re.findall(rf"'({_GUID})' // (.+)", file.text)

    assert re.findall(_GUID, file.text) == [guid for guid, _ in commented]
    assert [(name, guid) for guid, name in commented if ROLES.get(name) != guid] == []


def test_every_role_of_the_table_is_assigned() -> None:
    text = "".join(file.text for file in files())

    assert [name for name, guid in ROLES.items() if guid not in text] == []


@EVERY_FILE
def test_every_role_is_assigned_on_a_resource(file: Bicep) -> None:
    """Without a scope an assignment holds for the whole resource group."""
    starts = re.findall(r"^resource (\w+) 'Microsoft.Authorization/roleAssignments@", file.code, re.MULTILINE)

    assert [symbol for symbol in starts if not re.search(r"^\s+scope: \w+", file.resource(symbol), re.MULTILINE)] == []


def test_production_may_not_run_jobs_read_keys_or_delete() -> None:
    role = module("workspace_access").resource("batchDeployer")
    actions, _, not_actions = role.partition("notActions:")

    assert not re.search(r"jobs|listKeys|listSecrets|computes|delete", actions)
    assert "'Microsoft.MachineLearningServices/workspaces/*/delete'" in not_actions
    assert "roleDefinitionId: batchDeployer.id" in module("workspace_access").resource("productionAccess")


def test_what_runs_jobs_in_production_deletes_nothing_and_reads_no_keys_of_storage() -> None:
    role = module("workspace_access").resource("jobRunner")
    actions, _, not_actions = role.partition("notActions:")

    assert not re.search(r"listKeys|listStorageAccountKeys|computes|delete", actions)
    assert "'Microsoft.MachineLearningServices/workspaces/*/delete'" in not_actions
    assert "roleDefinitionId: jobRunner.id" in module("workspace_access").resource("productionJobs")


def test_infra_holds_no_secret() -> None:
    """No key, connection string, signature or password, and nothing that would read one."""
    secret = re.compile(
        r"listKeys\(|listSecrets\(|listAccountSas|AccountKey=|SharedAccessKey=|InstrumentationKey|[?&]sig=|code="
        r"|@secure\(\)|password\w*['\"]?\s*[:=]|-----BEGIN|\beyJ[\w-]{20,}|[A-Za-z0-9+/]{40,}={1,2}",
        re.IGNORECASE,
    )
    texts = {path.name: path.read_text() for path in INFRA.rglob("*") if path.is_file()}

    assert len(texts) >= 10
    assert {name: hit.group() for name, text in texts.items() if (hit := secret.search(text))} == {}


def test_nothing_takes_keys() -> None:
    """Shared keys, SAS and publishing passwords are off everywhere."""
    assert "allowSharedKeyAccess: false" in module("storage").code
    assert module("storage").code.count("properties: accountProperties") == 2
    assert "disableLocalAuth: true" in module("service_bus").resource("bus")
    assert "disableLocalAuth: true" in module("facts_topic").resource("topic")
    assert "DisableLocalAuth: true" in module("monitoring").resource("insights")
    assert "allow: false" in module("function_app").resource("publishing")


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
        if not any(fnmatch.fnmatch(part, pattern) for part in name.split("/") for pattern in patterns)
    }

    assert shipped == {"config", "function_app.py", "functions", "host.json", "pipelines", "requirements.txt", "shared"}
