"""The platform that Switchyard stands on: what each part is like, what can be left out, and that it fits the app."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.check.cases import OPTIONAL
from infra.check.roles import name_of
from infra.check.rules import value_at
from infra.check.template import Resource
from tests.infra.rendered import INFRA, REPOSITORY, example, of

ML = "Microsoft.MachineLearningServices"
GROUPS = {name: OPTIONAL["platform.bicep"][name] for name in ("dataScientistsId", "mlEngineersId", "devOpsId")}


def platform(**changes: Any) -> tuple[Resource, ...]:
    return example("platform.bicep", **changes)


def test_three_workspaces_share_a_registry_and_have_storage_vault_and_insights_of_their_own() -> None:
    workspaces = of(f"{ML}/workspaces", platform())
    parts = [
        tuple(
            value_at(each.body, f"properties.{part}") for part in ("storageAccount", "keyVault", "applicationInsights")
        )
        for each in workspaces.values()
    ]

    assert list(workspaces) == ["dev-ml-workspace", "test-ml-workspace", "prod-ml-workspace"]
    assert list(of(f"{ML}/registries", platform())) == ["mlregistry-shared"]
    assert len({part for each in parts for part in each}) == 9


def test_clusters_have_no_node_while_there_is_nothing_to_do_and_four_at_most() -> None:
    """Of the sizes that are asked for, with names that the policies have."""
    clusters = of(f"{ML}/workspaces/computes", platform())
    policies = yaml.safe_load((REPOSITORY / "config" / "policies.yml").read_text())

    assert {name.rpartition("/")[2] for name in clusters} == {policies["training"]["compute"]}
    assert {
        name.partition("-")[0]: value_at(each.body, "properties.properties.vmSize") for name, each in clusters.items()
    } == {
        "dev": "Standard_DS3_v2",
        "test": "Standard_DS2_v2",
        "prod": "Standard_DS3_v2",
    }
    for each in clusters.values():
        scale = value_at(each.body, "properties.properties.scaleSettings")
        assert (scale["minNodeCount"], scale["maxNodeCount"]) == (0, 4)


def test_every_workspace_reads_the_lake_under_the_name_that_the_policies_have() -> None:
    """As the identity of the job: the store has no key."""
    stores = of(f"{ML}/workspaces/datastores", platform())
    uri = yaml.safe_load((REPOSITORY / "config" / "policies.yml").read_text())["data"]["raw_uri"]

    assert len(stores) == 3
    for name, each in stores.items():
        assert f"datastores/{name.rpartition('/')[2]}/" in uri
        assert value_at(each.body, "properties.credentials.credentialsType") == "None"


def test_only_the_cluster_of_production_writes_to_the_lake() -> None:
    """It loads the sensor table."""
    given = {
        str(value_at(each.body, "properties.principalId")).strip("<").partition("-ml")[0]: name_of(
            str(value_at(each.body, "properties.roleDefinitionId"))
        )
        for each in platform()
        if each.type == "Microsoft.Authorization/roleAssignments" and "swlake" in str(each.scope)
    }

    assert given == {
        "dev": "Storage Blob Data Reader",
        "test": "Storage Blob Data Reader",
        "prod": "Storage Blob Data Contributor",
    }


def test_the_lake_has_folders_and_cannot_be_deleted_by_mistake() -> None:
    lake = next(each for name, each in of("Microsoft.Storage/storageAccounts", platform()).items() if "lake" in name)
    locks = of("Microsoft.Authorization/locks", platform())

    assert value_at(lake.body, "properties.isHnsEnabled") is True
    assert locks["keep-lake"].scope == lake.id


def test_what_is_old_moves_to_cheaper_storage() -> None:
    """Raw files that were read, and what jobs left in the storage of the workspaces."""
    policies = of("Microsoft.Storage/storageAccounts/managementPolicies", platform())
    days = {
        name.partition("/")[0][:6]: [
            value_at(rule, "definition.actions.baseBlob.tierToCool.daysAfterModificationGreaterThan")
            for rule in value_at(each.body, "properties.policy.rules")
        ]
        for name, each in policies.items()
    }

    assert days == {"swlake": [30, 90], "swdevr": [180], "swtest": [180], "swprod": [180]}


def test_groups_of_people_get_their_roles_and_nobody_but_operators_changes_production() -> None:
    found = {
        (str(each.scope).rpartition("/")[2], str(value_at(each.body, "properties.principalId"))): name_of(
            str(value_at(each.body, "properties.roleDefinitionId"))
        )
        for each in platform(**GROUPS)
        if value_at(each.body, "properties.principalType") == "Group"
        and name_of(str(value_at(each.body, "properties.roleDefinitionId"))) != "AzureML Compute Operator"
    }
    scientists, engineers, operators = GROUPS.values()

    assert found == {
        ("dev-ml-workspace", scientists): "AzureML Data Scientist",
        ("dev-ml-workspace", engineers): "AzureML Data Scientist",
        ("dev-ml-workspace", operators): "Contributor",
        ("test-ml-workspace", scientists): "AzureML Data Scientist",
        ("test-ml-workspace", engineers): "AzureML Data Scientist",
        ("test-ml-workspace", operators): "Contributor",
        ("prod-ml-workspace", scientists): "Reader",
        ("prod-ml-workspace", engineers): "Reader",
        ("prod-ml-workspace", operators): "Contributor",
    }


def test_a_thousand_dollars_of_compute_are_told_to_the_finance_team_before_and_after() -> None:
    budget = of("Microsoft.Consumption/budgets", platform())["compute-of-a-month"].body["properties"]

    assert (budget["amount"], budget["timeGrain"]) == (1000, "Monthly")
    assert {each["thresholdType"] for each in budget["notifications"].values()} == {"Actual", "Forecasted"}
    assert all(each["contactGroups"][0].endswith("/finance-team") for each in budget["notifications"].values())


@pytest.mark.parametrize(
    ("left_out", "kind", "rest"),
    [
        ({"makeRegistry": False}, f"{ML}/registries", 0),
        ({"makeLake": False}, "Microsoft.Authorization/locks", 0),
        ({"makeWorkspaces": ["test"]}, f"{ML}/workspaces", 1),
        ({}, "Microsoft.Synapse/workspaces", 0),
        ({"makeSynapse": True}, "Microsoft.Synapse/workspaces/bigDataPools", 1),
    ],
)
def test_what_is_there_already_is_not_made(left_out: dict[str, Any], kind: str, rest: int) -> None:
    assert len(of(kind, platform(**left_out))) == rest


def test_a_small_spark_pool_pauses_after_five_minutes() -> None:
    pool = next(iter(of("Microsoft.Synapse/workspaces/bigDataPools", platform(makeSynapse=True)).values()))

    assert value_at(pool.body, "properties.nodeSize") == "Small"
    assert value_at(pool.body, "properties.autoPause") == {"enabled": True, "delayInMinutes": 5}


@pytest.mark.parametrize(
    ("file", "option"), [("platform.bicep", {"subnetIds": ["/s"]}), ("main.bicep", {"appSubnetId": "/s"})]
)
def test_with_a_subnet_storage_and_vaults_are_closed_to_all_others(file: str, option: dict[str, Any]) -> None:
    open_ones, closed = example(file), example(file, **option)

    for kind in ("Microsoft.Storage/storageAccounts", "Microsoft.KeyVault/vaults"):
        for resources, action in ((open_ones, "Allow"), (closed, "Deny")):
            actions = {
                value_at(each.body, "properties.networkAcls.defaultAction") for each in of(kind, resources).values()
            }
            assert actions == {action}


def test_platform_and_app_name_the_same_things() -> None:
    """What one makes the other takes, where both are deployed with their examples."""
    workspaces = of(f"{ML}/workspaces", platform())
    lines = [(INFRA / name).read_text() for name in ("main.bicepparam", "platform.bicepparam")]

    for name in (*workspaces, "mlregistry-shared"):
        assert all(f"'{name}'" in text for text in lines)


def test_azd_finds_the_app_and_its_hooks() -> None:
    read = yaml.safe_load((REPOSITORY / "azure.yaml").read_text())
    site = next(iter(of("Microsoft.Web/sites").values()))

    assert [value_at(site.body, "tags.azd-service-name")] == list(read["services"])
    assert Path(REPOSITORY, read["infra"]["path"], f"{read['infra']['module']}.bicep").is_file()
    for hook in read["hooks"].values():
        script = REPOSITORY / hook["run"]
        assert script.is_file()
        assert script.stat().st_mode & 0o111


def test_the_page_names_every_variable_that_the_parameter_files_read() -> None:
    """A stranger has nothing else to go by."""
    page = (REPOSITORY / "docs" / "deploying.md").read_text()
    read = {
        name
        for file in INFRA.glob("*.bicepparam")
        for name in re.findall(r"readEnvironmentVariable\('(\w+)'", file.read_text())
    }

    assert len(read) > 15
    assert sorted(name for name in read if name not in page) == []
