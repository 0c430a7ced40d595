"""host.json: the settings this host acts on, with the platform's names and defaults.

Names and defaults are those of the host (docs/azure-facts.md#service-bus-in-the-functions-host). Concurrency defaults
are smaller than the platform's 16 per processor, and sessions are given back sooner than after a minute, so that a
laptop behaves like a small instance. Every value can be overridden by an app setting `AzureFunctionsJobHost__<path>`,
as in Azure.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

_OVERRIDE_PREFIX = "AzureFunctionsJobHost__"
_TIMESPAN = re.compile(r"(-)?(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,7}))?")


class HostJsonError(Exception):
    """host.json cannot be used; the message names the key."""


@dataclass(frozen=True, kw_only=True)
class ServiceBusOptions:
    """`extensions.serviceBus`. Durations in seconds; a renewal of None renews until the invocation ends."""

    auto_complete: bool = True
    max_concurrent_calls: int = 16
    max_concurrent_sessions: int = 8
    max_auto_lock_renewal_s: float | None = 300.0
    session_idle_timeout_s: float = 0.25
    max_batch_size: int = 1000
    prefetch_count: int = 0


@dataclass(frozen=True, kw_only=True)
class HostConfig:
    """What of host.json the local host acts on. A function_timeout_s of None means no limit."""

    route_prefix: str = "api"
    function_timeout_s: float | None = 1800.0
    functions: tuple[str, ...] | None = None
    service_bus: ServiceBusOptions = ServiceBusOptions()


def parse_timespan(value: str, key: str) -> timedelta:
    """A .NET TimeSpan `[-][d.]hh:mm:ss[.fffffff]`."""
    match = _TIMESPAN.fullmatch(value.strip())
    if not match:
        raise HostJsonError(f"host.json: {key} must be a time span like 00:05:00, not {value!r}")
    sign, days, hours, minutes, seconds, fraction = match.groups()
    span = timedelta(
        days=int(days or 0),
        hours=int(hours),
        minutes=int(minutes),
        seconds=int(seconds),
        microseconds=int((fraction or "0").ljust(7, "0")) // 10,
    )
    return -span if sign else span


class _Section:
    """A part of host.json read case-insensitively, as the .NET configuration does, with app-setting overrides."""

    def __init__(self, values: Mapping[str, Any], path: tuple[str, ...] = ()) -> None:
        self._values = {name.lower(): value for name, value in values.items()}
        self._path = path

    def section(self, name: str) -> _Section:
        child = self._values.get(name.lower(), {})
        if not isinstance(child, dict):
            raise HostJsonError(f"host.json: {self._key(name)} must be an object")
        return _Section(child, (*self._path, name))

    def _key(self, name: str) -> str:
        return ".".join((*self._path, name))

    def raw(self, name: str) -> Any:
        override = (_OVERRIDE_PREFIX + "__".join((*self._path, name))).lower()
        from_setting = next((v for k, v in os.environ.items() if k.replace(":", "__").lower() == override), None)
        return self._values.get(name.lower()) if from_setting is None else from_setting

    def integer(self, name: str, default: int, *, least: int = 1) -> int:
        value = self.raw(name)
        if value is None:
            return default
        if isinstance(value, bool) or not re.fullmatch(r"\d+", str(value)) or int(value) < least:
            raise HostJsonError(f"host.json: {self._key(name)} must be a whole number from {least}, not {value!r}")
        return int(value)

    def boolean(self, name: str, default: bool) -> bool:
        value = self.raw(name)
        if value is None:
            return default
        if str(value).lower() not in ("true", "false"):
            raise HostJsonError(f"host.json: {self._key(name)} must be true or false, not {value!r}")
        return str(value).lower() == "true"

    def timespan(self, name: str) -> timedelta | None:
        value = self.raw(name)
        return None if value is None else parse_timespan(str(value), self._key(name))


def load_host_config(app_dir: Path) -> HostConfig:
    """Read host.json of the app. Raises HostJsonError with the key that is wrong."""
    path = app_dir / "host.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise HostJsonError(f"cannot read {path}: {error}") from error
    if not isinstance(document, dict) or document.get("version") != "2.0":
        raise HostJsonError(f'{path} must be an object with "version": "2.0"')
    root = _Section(document)
    prefix = root.section("extensions").section("http").raw("routePrefix")
    return HostConfig(
        route_prefix="api" if prefix is None else str(prefix).strip("/"),
        function_timeout_s=_function_timeout(root),
        functions=tuple(document["functions"]) if document.get("functions") else None,
        service_bus=_service_bus(root.section("extensions").section("serviceBus")),
    )


def _function_timeout(root: _Section) -> float | None:
    if root.raw("functionTimeout") in ("-1", -1):
        return None
    span = root.timespan("functionTimeout")
    if span is None:
        return HostConfig.function_timeout_s
    if span < timedelta(seconds=1):
        raise HostJsonError("host.json: functionTimeout must be at least one second, or -1 for no limit")
    return span.total_seconds()


def _service_bus(section: _Section) -> ServiceBusOptions:
    defaults = ServiceBusOptions()
    renewal = section.timespan("maxAutoLockRenewalDuration")
    idle = section.timespan("sessionIdleTimeout")
    return ServiceBusOptions(
        auto_complete=section.boolean("autoCompleteMessages", defaults.auto_complete),
        max_concurrent_calls=section.integer("maxConcurrentCalls", defaults.max_concurrent_calls),
        max_concurrent_sessions=section.integer("maxConcurrentSessions", defaults.max_concurrent_sessions),
        max_auto_lock_renewal_s=_renewal_s(renewal, defaults.max_auto_lock_renewal_s),
        session_idle_timeout_s=defaults.session_idle_timeout_s if idle is None else idle.total_seconds(),
        max_batch_size=section.integer("maxMessageBatchSize", defaults.max_batch_size),
        prefetch_count=section.integer("prefetchCount", defaults.prefetch_count, least=0),
    )


def _renewal_s(span: timedelta | None, default: float | None) -> float | None:
    if span is None:
        return default
    return None if span < timedelta(0) else span.total_seconds()  # negative means infinite
