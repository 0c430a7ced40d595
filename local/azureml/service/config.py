"""Which workspaces and registries exist: `workspaces.json`, typed.

A workspace and a registry are both a *scope* of assets; what differs is how an asset's id is written
(docs/azure-facts.md#calls-and-paths).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

PROVIDER = "Microsoft.MachineLearningServices"
ScopeKind = Literal["workspaces", "registries"]

_FILE = Path(__file__).with_name("workspaces.json")


@dataclass(frozen=True, kw_only=True)
class Scope:
    """A workspace or a registry."""

    kind: ScopeKind
    name: str
    guid: str
    subscription: str
    resource_group: str
    region: str

    @property
    def arm_id(self) -> str:
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"
            f"/providers/{PROVIDER}/{self.kind}/{self.name}"
        )

    @property
    def is_registry(self) -> bool:
        return self.kind == "registries"

    def key(self, kind: str, name: str, version: str | None = None) -> str:
        """Where an asset container, or a version of it, is stored."""
        container = f"{self.arm_id}/{kind}/{name}"
        return container if version is None else f"{container}/versions/{version}"

    def asset_id(self, kind: str, name: str, version: str) -> str:
        """How an asset version names itself: an ARM id in a workspace, a URI in a registry."""
        if self.is_registry:
            return f"azureml://registries/{self.name}/{kind}/{name}/versions/{version}"
        return self.key(kind, name, version)


@dataclass(frozen=True)
class Settings:
    subscription: str
    resource_group: str
    region: str
    nodes_per_compute: int
    scopes: tuple[Scope, ...]

    @cached_property
    def workspaces(self) -> dict[str, Scope]:
        """Workspaces by name."""
        return {scope.name: scope for scope in self.scopes if not scope.is_registry}

    @cached_property
    def registries(self) -> dict[str, Scope]:
        """Registries by name."""
        return {scope.name: scope for scope in self.scopes if scope.is_registry}

    def workspace_by_guid(self, guid: str) -> Scope | None:
        return next((scope for scope in self.workspaces.values() if scope.guid == guid), None)


def load_settings(path: Path = _FILE) -> Settings:
    """Read the file of workspaces. Raises `KeyError` naming the setting that is missing."""
    raw = json.loads(path.read_text("utf-8"))
    common = {name: raw[name] for name in ("subscription", "resource_group", "region")}
    kinds: tuple[ScopeKind, ...] = ("workspaces", "registries")
    scopes = tuple(
        Scope(kind=kind, name=name, guid=guid, **common) for kind in kinds for name, guid in raw[kind].items()
    )
    return Settings(**common, nodes_per_compute=raw["nodes_per_compute"], scopes=scopes)
