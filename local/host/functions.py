"""What the host knows of each function after indexing, and which bindings it can serve.

An app with a binding this host does not mirror is refused at load: a green local run must not hide a binding
that was silently skipped.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

TRIGGERS = frozenset({"httpTrigger", "serviceBusTrigger", "eventGridTrigger", "timerTrigger"})
SERVICE_BUS_OUTPUT = "serviceBus"
OUTPUTS = frozenset({"http", SERVICE_BUS_OUTPUT})


class AppLoadError(Exception):
    """The app cannot be served; `detail` holds the stack trace of the app when there is one."""

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """`@app.retry` of a function. A max_retry_count of -1 means forever; delays grow by doubling up to `longest`."""

    max_retry_count: int
    shortest: timedelta
    longest: timedelta

    def delay_s(self, attempt: int) -> float:
        """Seconds to wait before retry number `attempt` (from 1)."""
        doubled = self.shortest.total_seconds() * 2.0 ** min(attempt - 1, 62)
        return min(doubled, self.longest.total_seconds())


@dataclass(frozen=True, kw_only=True)
class FunctionDef:
    """One indexed function: its raw bindings are those of function.json, as the runtime reports them."""

    name: str
    function_id: str
    bindings: tuple[Mapping[str, Any], ...]
    retry: RetryPolicy | None = None

    @property
    def trigger(self) -> Mapping[str, Any]:
        """The binding that starts the function."""
        return next(binding for binding in self.bindings if binding["type"] in TRIGGERS)

    @property
    def disabled(self) -> bool:
        """True when the app setting `AzureWebJobs.<name>.Disabled` (or with underscores) says so."""
        settings = (f"AzureWebJobs.{self.name}.Disabled", f"AzureWebJobs_{self.name}_Disabled")
        return any(os.environ.get(setting, "").lower() in ("1", "true") for setting in settings)


def check_bindings(functions: Iterable[FunctionDef]) -> None:
    """Raise AppLoadError for the first binding this host cannot serve, naming function and binding."""
    for function in functions:
        for binding in function.bindings:
            kind = binding["type"]
            if kind in TRIGGERS or (kind in OUTPUTS and binding["direction"] == "OUT"):
                continue
            raise AppLoadError(
                f"function '{function.name}': binding '{binding['name']}' of type '{kind}' is not supported by the "
                f"local host (triggers: {', '.join(sorted(TRIGGERS))}; outputs: {', '.join(sorted(OUTPUTS))}). "
                "Call the service with its SDK instead."
            )


def select(functions: Iterable[FunctionDef], wanted: Iterable[str] | None) -> list[FunctionDef]:
    """The functions named in `wanted` (all of them for None); an unknown name is an error, not an empty host."""
    known = {function.name.lower(): function for function in functions}
    if wanted is None:
        return list(known.values())
    missing = [name for name in wanted if name.lower() not in known]
    if missing:
        raise AppLoadError(f"no such function: {', '.join(missing)} (the app has {', '.join(sorted(known))})")
    return [known[name.lower()] for name in wanted]
