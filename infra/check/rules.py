"""Our own rules: no keys, nothing public unless it is said, TLS 1.2, logs of everything, roles on resources."""

from collections.abc import Callable
from typing import Any

from infra.check.problem import Report
from infra.check.roles import BUILT_IN
from infra.check.template import Resource
from infra.check.values import Unknown

Wanted = tuple[Any, ...]

#: Values that a resource must say. A path that is missing is wrong as well.
_STORAGE: dict[str, Wanted] = {
    "properties.allowBlobPublicAccess": (False,),
    "properties.allowSharedKeyAccess": (False,),
    "properties.minimumTlsVersion": ("TLS1_2", "TLS1_3"),
    "properties.supportsHttpsTrafficOnly": (True,),
    "properties.networkAcls.bypass": ("AzureServices",),
    "properties.networkAcls.defaultAction": ("Allow", "Deny"),
    "properties.publicNetworkAccess": ("Enabled", "Disabled"),
}
VALUES: dict[str, dict[str, Wanted]] = {
    "Microsoft.Storage/storageAccounts": _STORAGE,
    "Microsoft.Storage/storageAccounts/blobServices": {
        "properties.deleteRetentionPolicy.enabled": (True,),
        "properties.containerDeleteRetentionPolicy.enabled": (True,),
    },
    "Microsoft.Storage/storageAccounts/blobServices/containers": {"properties.publicAccess": ("None",)},
    "Microsoft.ServiceBus/namespaces": {
        "properties.disableLocalAuth": (True,),
        "properties.minimumTlsVersion": ("1.2", "1.3"),
        "properties.publicNetworkAccess": ("Enabled", "Disabled"),
    },
    "Microsoft.EventGrid/topics": {
        "properties.disableLocalAuth": (True,),
        "properties.minimumTlsVersionAllowed": ("1.2", "1.3"),
        "properties.publicNetworkAccess": ("Enabled", "Disabled"),
    },
    "Microsoft.KeyVault/vaults": {
        "properties.enableRbacAuthorization": (True,),
        "properties.enablePurgeProtection": (True,),
        "properties.enableSoftDelete": (True,),
        "properties.networkAcls.bypass": ("AzureServices",),
        "properties.networkAcls.defaultAction": ("Allow", "Deny"),
        "properties.publicNetworkAccess": ("enabled", "disabled"),
    },
    "Microsoft.ContainerRegistry/registries": {
        "properties.adminUserEnabled": (False,),
        "properties.anonymousPullEnabled": (False,),
        "properties.publicNetworkAccess": ("Enabled", "Disabled"),
    },
    "Microsoft.MachineLearningServices/workspaces": {
        "properties.publicNetworkAccess": ("Enabled", "Disabled"),
        "properties.systemDatastoresAuthMode": ("Identity",),
        "identity.type": ("SystemAssigned", "UserAssigned", "SystemAssigned,UserAssigned"),
    },
    "Microsoft.MachineLearningServices/registries": {"properties.publicNetworkAccess": ("Enabled", "Disabled")},
    "Microsoft.MachineLearningServices/workspaces/computes": {
        "properties.disableLocalAuth": (True,),
        "properties.properties.remoteLoginPortPublicAccess": ("Disabled",),
        "properties.properties.scaleSettings.minNodeCount": (0,),
    },
    "Microsoft.OperationalInsights/workspaces": {
        "properties.features.disableLocalAuth": (True,),
        "properties.retentionInDays": (90,),
    },
    "Microsoft.Insights/components": {"properties.DisableLocalAuth": (True,)},
    "Microsoft.Synapse/workspaces": {
        "properties.azureADOnlyAuthentication": (True,),
        "properties.publicNetworkAccess": ("Enabled", "Disabled"),
    },
    "Microsoft.Synapse/workspaces/bigDataPools": {"properties.autoPause.enabled": (True,)},
    "Microsoft.Web/sites": {
        "properties.httpsOnly": (True,),
        "properties.siteConfig.minTlsVersion": ("1.2", "1.3"),
        "properties.publicNetworkAccess": ("Enabled", "Disabled"),
    },
    "Microsoft.Web/sites/basicPublishingCredentialsPolicies": {"properties.allow": (False,)},
}

#: What has diagnostic logs; of storage its services have.
LOGGED = {
    "Microsoft.ContainerRegistry/registries",
    "Microsoft.EventGrid/systemTopics",
    "Microsoft.EventGrid/topics",
    "Microsoft.KeyVault/vaults",
    "Microsoft.MachineLearningServices/registries",
    "Microsoft.MachineLearningServices/workspaces",
    "Microsoft.ServiceBus/namespaces",
    "Microsoft.Storage/storageAccounts/blobServices",
    "Microsoft.Storage/storageAccounts/tableServices",
    "Microsoft.Synapse/workspaces",
    "Microsoft.Synapse/workspaces/bigDataPools",
    "Microsoft.Web/sites",
}


def value_at(body: Any, path: str) -> Any:
    """The value at a path; None where there is none."""
    for key in path.split("."):
        if isinstance(body, Unknown) or body is None:
            return body
        body = body.get(key)
    return body


def _values(resources: list[Resource], report: Report) -> None:
    for each in resources:
        for path, allowed in VALUES.get(each.type, {}).items():
            value = value_at(each.body, path)
            if not isinstance(value, Unknown) and value not in allowed:
                wanted = " or ".join(map(str, allowed))
                report.say(each.place, f"{each.type} {each.name}: {path} is {value}, it must say {wanted}")


def _logs(resources: list[Resource], report: Report) -> None:
    settings = [each for each in resources if each.type == "Microsoft.Insights/diagnosticSettings"]
    logged = {str(each.scope).lower() for each in settings if value_at(each.body, "properties.workspaceId")}
    for each in resources:
        if each.type in LOGGED and str(each.id).lower() not in logged:
            report.say(each.place, f"{each.type} {each.name} has no diagnostic logs")


def _assignments(resources: list[Resource], report: Report) -> None:
    own = {str(each.id).lower() for each in resources if each.type == "Microsoft.Authorization/roleDefinitions"}
    given: set[str] = set()
    ids = {role.id for role in BUILT_IN.values()}
    for each in resources:
        if each.type != "Microsoft.Authorization/roleAssignments":
            continue
        role = str(value_at(each.body, "properties.roleDefinitionId") or "").lower()
        given.add(role)
        if role not in own and role.rpartition("/")[2] not in ids:
            report.say(each.place, f"{each.declaration.name} gives a role that is not known: {role.rpartition('/')[2]}")
        if not value_at(each.body, "properties.principalType"):
            report.say(
                each.place, f"{each.declaration.name} says no principalType: a new identity may not be found yet"
            )
        if isinstance(each.scope, str) and "/providers/" not in each.scope and not _may_be_wide(role):
            report.say(each.place, f"{each.declaration.name} holds for all of {each.scope}, and not for one resource")
    for each in resources:
        if each.type == "Microsoft.Authorization/roleDefinitions" and str(each.id).lower() not in given:
            report.say(each.place, f"the role {each.declaration.name} is given to nobody")


def _may_be_wide(role: str) -> bool:
    return any(known.id == role.rpartition("/")[2] and known.wide for known in BUILT_IN.values())


def _alert_rules(resources: list[Resource], report: Report) -> None:
    groups = {str(each.id).lower() for each in resources if each.type == "Microsoft.Insights/actionGroups"}
    for each in resources:
        if each.type != "Microsoft.Insights/scheduledQueryRules":
            continue
        tells = value_at(each.body, "properties.actions.actionGroups")
        if not tells:
            report.say(each.place, f"the rule {each.name} tells nobody: it has no action group")
        elif isinstance(tells, list):
            for group in tells:
                if isinstance(group, str) and not group.startswith("<") and group.lower() not in groups:
                    report.say(each.place, f"the rule {each.name} tells {group}, which is not there")
        if value_at(each.body, "properties.skipQueryValidation") is not True:
            report.say(
                each.place, f"the rule {each.name} needs skipQueryValidation: its tables come with the first log"
            )


CHECKS: tuple[Callable[[list[Resource], Report], None], ...] = (_values, _logs, _assignments, _alert_rules)


def check(resources: list[Resource], report: Report) -> None:
    """Says every resource that breaks one of our rules."""
    for each in CHECKS:
        each(resources, report)
