"""Built-in roles that the templates may give: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles

No Owner and no User Access Administrator: whoever needs a role that is missing here adds it with what it allows.
"""

import fnmatch
from dataclasses import dataclass

_ML = "Microsoft.MachineLearningServices"
_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers"
_BLOB_DATA = (f"{_BLOBS}/blobs/read", f"{_BLOBS}/blobs/write", f"{_BLOBS}/blobs/delete", f"{_BLOBS}/blobs/add/action")


@dataclass(frozen=True)
class Rights:
    """What a role allows: patterns of actions, less the patterns of `not_actions`; the same of data."""

    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()

    def allow(self, action: str) -> bool:
        """Whether the role allows an action or data action. Names compare without regard to case."""
        if any(_fits(action, pattern) for pattern in self.data_actions):
            return True
        return any(_fits(action, each) for each in self.actions) and not any(
            _fits(action, each) for each in self.not_actions
        )


@dataclass(frozen=True)
class BuiltIn:
    """A built-in role; `wide` ones may be given on a subscription or a resource group."""

    id: str
    rights: Rights
    wide: bool = False


def _fits(action: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(action.lower(), pattern.lower())


BUILT_IN: dict[str, BuiltIn] = {
    "AcrPull": BuiltIn(
        "7f951dda-4ed3-4680-a7ca-43fe172d538d", Rights(("Microsoft.ContainerRegistry/registries/pull/read",))
    ),
    "AcrPush": BuiltIn(
        "8311e382-0749-4cb8-b61a-304f252e45ec",
        Rights(
            ("Microsoft.ContainerRegistry/registries/pull/read", "Microsoft.ContainerRegistry/registries/push/write")
        ),
    ),
    "AzureML Compute Operator": BuiltIn(
        "e503ece1-11d0-4e8e-8e2c-7a6c3bf38815",
        Rights((f"{_ML}/workspaces/computes/*", f"{_ML}/workspaces/notebooks/vm/*")),
    ),
    "AzureML Data Scientist": BuiltIn(
        "f6c7c914-8db3-469d-8ca1-694a8f32e121",
        Rights(
            tuple(f"{_ML}/workspaces/*/{kind}" for kind in ("read", "action", "delete", "write")),
            (
                f"{_ML}/workspaces/delete",
                f"{_ML}/workspaces/write",
                f"{_ML}/workspaces/computes/*/write",
                f"{_ML}/workspaces/computes/*/delete",
                f"{_ML}/workspaces/computes/listKeys/action",
                f"{_ML}/workspaces/listKeys/action",
            ),
        ),
    ),
    "AzureML Registry User": BuiltIn(
        "1823dd4f-9b8c-4ab6-ab4e-7397a3684615", Rights((f"{_ML}/registries/read", f"{_ML}/registries/assets/*"))
    ),
    "Azure Service Bus Data Owner": BuiltIn(
        "090c5cfd-751d-490a-894a-3ce6f1109419",
        Rights(("Microsoft.ServiceBus/*",), data_actions=("Microsoft.ServiceBus/*",)),
    ),
    "Contributor": BuiltIn(
        "b24988ac-6180-42a0-ab88-20f7382dd24c",
        Rights(("*",), ("Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write")),
    ),
    "EventGrid Data Sender": BuiltIn(
        "d5a91429-5739-47e2-a06b-3470a27159e7",
        Rights(("Microsoft.EventGrid/topics/read",), data_actions=("Microsoft.EventGrid/events/send/action",)),
    ),
    "Key Vault Secrets User": BuiltIn(
        "4633458b-17de-408a-b874-0445c86b69e6",
        Rights(data_actions=("Microsoft.KeyVault/vaults/secrets/getSecret/action",)),
    ),
    "Monitoring Metrics Publisher": BuiltIn(
        "3913510d-42f4-4e42-8a64-420c390055eb",
        Rights(data_actions=("Microsoft.Insights/Metrics/Write", "Microsoft.Insights/Telemetry/Write")),
    ),
    "Monitoring Reader": BuiltIn("43d0d8ad-25c7-4714-9337-8ba259a9fe05", Rights(("*/read",)), wide=True),
    "Reader": BuiltIn("acdd72a7-3385-48ef-bd42-f606fba81ae7", Rights(("*/read",))),
    "Storage Blob Data Contributor": BuiltIn(
        "ba92f5b4-2d11-453d-a403-e96b0029c9fe", Rights((f"{_BLOBS}/read", f"{_BLOBS}/write"), data_actions=_BLOB_DATA)
    ),
    "Storage Blob Data Owner": BuiltIn(
        "b7e6dc6d-f1e8-4753-8033-0f276bb0955b", Rights((f"{_BLOBS}/*",), data_actions=(f"{_BLOBS}/blobs/*",))
    ),
    "Storage Blob Data Reader": BuiltIn(
        "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1", Rights((f"{_BLOBS}/read",), data_actions=(f"{_BLOBS}/blobs/read",))
    ),
    "Storage Table Data Contributor": BuiltIn(
        "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
        Rights(
            ("Microsoft.Storage/storageAccounts/tableServices/tables/write",),
            data_actions=("Microsoft.Storage/storageAccounts/tableServices/tables/entities/*",),
        ),
    ),
}


def name_of(role_id: str) -> str | None:
    """The name of a built-in role, by the end of its definition's id."""
    return next((name for name, each in BUILT_IN.items() if each.id == role_id.rpartition("/")[2].lower()), None)
