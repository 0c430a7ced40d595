"""Resource ids of topics: what a publisher names in a URL, a subscription in its source, an event in `topic`.

Subscription, resource group and workspaces: docs/local-cloud-contract.md.
"""

from __future__ import annotations

_GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/mlops-rg/providers"


def custom_topic_id(name: str) -> str:
    return f"{_GROUP}/Microsoft.EventGrid/topics/{name}"


def system_topic_id(source: str) -> str:
    """The ARM id of a source; a bare name is a workspace of the local resource group."""
    stripped = source.strip("/")
    if "/" in stripped:
        return f"/{stripped}"
    return f"{_GROUP}/Microsoft.MachineLearningServices/workspaces/{stripped}"


def same_topic(one: str, other: str) -> bool:
    """ARM ids are compared without regard to case."""
    return one.casefold() == other.casefold()
