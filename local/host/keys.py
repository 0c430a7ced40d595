"""Access keys of the host: created at the first start, kept in DATA/keys.json, matched as the platform does.

Order of matching and levels: docs/azure-facts.md#http-of-the-functions-host. Keys are on by default: code that only
works without them must fail here, not in Azure.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from local.conventions import write_atomically
from local.host.lease import one_at_a_time

EVENT_GRID_SYSTEM_KEY = "eventgrid_extension"


class Level(StrEnum):
    """What a key opens. Only equal levels match, except that `admin` opens everything."""

    ANONYMOUS = "anonymous"
    FUNCTION = "function"
    SYSTEM = "system"
    ADMIN = "admin"


@dataclass(frozen=True, kw_only=True)
class Access:
    """The level a request reached and the name of the key that gave it."""

    level: Level
    key_name: str | None = None

    def opens(self, required: Level) -> bool:
        """True if a route of level `required` may be served."""
        return required is Level.ANONYMOUS or self.level in (required, Level.ADMIN)

    def opens_webhook(self, extension: str) -> bool:
        """True for the system key of that extension and for the master key."""
        own_key = self.level is Level.SYSTEM and (self.key_name or "").lower() == f"{extension}_extension"
        return own_key or self.level is Level.ADMIN


class KeyRing:
    """Master, host, system and function keys, by name."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.master: str = document.get("master") or _new_key()
        self.host: dict[str, str] = document.get("host") or {"default": _new_key()}
        self.system: dict[str, str] = dict(document.get("system") or {})
        self.system.setdefault(EVENT_GRID_SYSTEM_KEY, _new_key())
        self.functions: dict[str, dict[str, str]] = dict(document.get("functions") or {})

    @classmethod
    def open(cls, path: Path, preset: Path | None, functions: Iterable[str]) -> KeyRing:
        """Read DATA/keys.json, lay the preset over it, create what is missing and write it back."""
        with one_at_a_time(path.with_suffix(".lock")):  # hosts on one directory have the same keys
            document = _read(path) if path.exists() else {}
            if preset is not None:
                document.update(_read(preset))
            ring = cls(document)
            for name in functions:
                ring.functions.setdefault(name, {"default": _new_key()})
            ring._write(path)
        return ring

    def _write(self, path: Path) -> None:
        document = {"master": self.master, "host": self.host, "system": self.system, "functions": self.functions}
        write_atomically(path, json.dumps(document, indent=2) + "\n", mode=0o600)

    def access(self, key: str | None, function: str | None = None) -> Access:
        """The level `key` reaches for `function` (or for the host as a whole)."""
        if not key:
            return Access(level=Level.ANONYMOUS)
        if _same(self.master, key):
            return Access(level=Level.ADMIN, key_name="_master")
        own = self.functions.get(function, {}) if function else {}
        for level, keys in ((Level.SYSTEM, self.system), (Level.FUNCTION, self.host), (Level.FUNCTION, own)):
            for name, value in keys.items():
                if _same(value, key):
                    return Access(level=level, key_name=name)
        return Access(level=Level.ANONYMOUS)


def _new_key() -> str:
    return secrets.token_urlsafe(40)


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode())


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"cannot read the keys file {path}: {error}") from error
    known = {"master", "host", "system", "functions"}
    if not isinstance(document, dict) or not set(document) <= known:
        raise ValueError(f"{path} must be an object with some of the keys {', '.join(sorted(known))}")
    return document
