"""Azure's rules for names: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules"""

import re

from infra.check.problem import Report
from infra.check.template import Resource

_ANY = r"[^<>%&?/#:\\]{1,260}(?<![ .])"
_GUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_CONTAINER = r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]"

#: The last part of a name has to match as a whole.
RULES = {
    "Microsoft.Authorization/locks": r"[\w.()-]{1,90}(?<!\.)",
    "Microsoft.Authorization/roleAssignments": _GUID,
    "Microsoft.Authorization/roleDefinitions": _GUID,
    "Microsoft.Consumption/budgets": r"[A-Za-z0-9_-]{1,63}",
    "Microsoft.ContainerRegistry/registries": r"[A-Za-z0-9]{5,50}",
    "Microsoft.EventGrid/systemTopics": r"[A-Za-z0-9-]{3,50}",
    "Microsoft.EventGrid/systemTopics/eventSubscriptions": r"[A-Za-z0-9-]{3,64}",
    "Microsoft.EventGrid/topics": r"[A-Za-z0-9-]{3,50}",
    "Microsoft.EventGrid/topics/eventSubscriptions": r"[A-Za-z0-9-]{3,64}",
    "Microsoft.Insights/actionGroups": _ANY,
    "Microsoft.Insights/components": r"[^%&\\?/]{1,260}(?<![ .])",
    "Microsoft.Insights/diagnosticSettings": _ANY,
    "Microsoft.Insights/scheduledQueryRules": r"[^*<>%{}&:\\?+/#@]{1,260}(?<![ .])",
    "Microsoft.KeyVault/vaults": r"(?!.*--)[A-Za-z][A-Za-z0-9-]{1,22}[A-Za-z0-9]",
    "Microsoft.MachineLearningServices/registries": r"[A-Za-z0-9][\w-]{2,32}",
    "Microsoft.MachineLearningServices/workspaces": r"[A-Za-z0-9][\w-]{2,32}",
    "Microsoft.MachineLearningServices/workspaces/computes": r"[A-Za-z][A-Za-z0-9-]{1,30}[A-Za-z0-9]",
    "Microsoft.MachineLearningServices/workspaces/datastores": r"[a-z0-9_]{1,255}",
    "Microsoft.ManagedIdentity/userAssignedIdentities": r"[A-Za-z0-9][\w-]{2,127}",
    "Microsoft.OperationalInsights/workspaces": r"[A-Za-z0-9][A-Za-z0-9-]{2,61}[A-Za-z0-9]",
    "Microsoft.ServiceBus/namespaces": r"[A-Za-z][A-Za-z0-9-]{4,48}[A-Za-z0-9](?<!-sb)(?<!-mgmt)",
    "Microsoft.ServiceBus/namespaces/queues": r"[A-Za-z0-9][\w./~-]{0,258}[\w]",
    "Microsoft.Storage/storageAccounts": r"[a-z0-9]{3,24}",
    "Microsoft.Storage/storageAccounts/blobServices": r"default",
    "Microsoft.Storage/storageAccounts/blobServices/containers": _CONTAINER,
    "Microsoft.Storage/storageAccounts/managementPolicies": r"default",
    "Microsoft.Storage/storageAccounts/tableServices": r"default",
    "Microsoft.Storage/storageAccounts/tableServices/tables": r"[A-Za-z][A-Za-z0-9]{2,62}",
    "Microsoft.Synapse/workspaces": r"(?!.*-ondemand)[a-z0-9][a-z0-9-]{0,48}[a-z0-9]",
    "Microsoft.Synapse/workspaces/bigDataPools": r"[A-Za-z][A-Za-z0-9]{0,14}",
    "Microsoft.Synapse/workspaces/firewallRules": r"[^<>*%&:\\/?]{1,128}(?<!\.)",
    "Microsoft.Web/serverfarms": r"[A-Za-z0-9-]{1,60}",
    "Microsoft.Web/sites": r"[A-Za-z0-9][A-Za-z0-9-]{0,58}[A-Za-z0-9]",
    "Microsoft.Web/sites/basicPublishingCredentialsPolicies": r"ftp|scm",
}


def check(resources: list[Resource], report: Report) -> None:
    """Says every name that Azure would refuse, types without a rule, and names that are given twice."""
    seen: dict[str, Resource] = {}
    for each in resources:
        if not isinstance(each.name, str):
            continue
        rule, last = RULES.get(each.type), each.body.get("name", "")
        if rule is None:
            report.say(each.place, f"no rule is known for names of {each.type}: add it to infra/check/names.py")
        elif not re.fullmatch(rule, last):
            report.say(each.place, f"{last!r} ({len(last)} characters) cannot be the name of a {each.type}: {rule}")
        twin = seen.setdefault(str(each.id).lower(), each)
        if twin is not each:
            report.say(each.place, f"{each.declaration.name} is {twin.declaration.name} once more: {each.id}")
