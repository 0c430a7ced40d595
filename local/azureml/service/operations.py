"""Long-running operations: accepted at once, finished later, on disk in between.

See docs/azure-facts.md#long-running-operations: a PUT answers with `Azure-AsyncOperation`, a DELETE, PATCH or POST
with `Location`; the client polls until a terminal status. An operation that was running when the process died is
finished after the restart: its work may run twice, so it is idempotent.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import sqlite3
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from local.azureml.service.clock import CLOCK
from local.azureml.service.config import PROVIDER, Settings
from local.azureml.service.documents import utc_now
from local.azureml.service.errors import ArmError
from local.azureml.service.store import Store
from local.conventions import stop_if_broken

_log = logging.getLogger("local.azureml.service.operations")
_LONGEST_NAP_S = 5.0  # new work wakes the loop at once; this only bounds a missed wake-up


@dataclass(frozen=True, kw_only=True)
class Operation:
    """`target` is the resource it changes; `entity` is what no second operation may touch meanwhile."""

    id: str
    kind: str
    target: str
    entity: str | None
    state: str
    arguments: dict[str, Any]
    error: dict[str, Any] | None
    started_at: str
    ended_at: str | None
    due: float


@dataclass(frozen=True)
class Finisher:
    """How operations of a kind end: `work` may wait and may raise `ArmError`; `commit` records the outcome."""

    work: Callable[[Operation], Awaitable[None]]
    commit: Callable[[Operation, dict[str, Any] | None], None]


class Operations:
    """Starts operations, and finishes the due ones."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._finishers: dict[str, Finisher] = {}
        self._wake = asyncio.Event()
        self._active: dict[str, asyncio.Task[None]] = {}

    def register(self, kind: str, finisher: Finisher) -> None:
        self._finishers[kind] = finisher

    def start(
        self, kind: str, *, target: str, entity: str | None, seconds: float, arguments: dict[str, Any] | None = None
    ) -> Operation:
        """Record an operation that ends in so many seconds; part of the caller's transaction."""
        operation_id = str(uuid.uuid4())
        self._store.write(
            "INSERT INTO operations (id, kind, target, entity, state, arguments, started_at, due)"
            " VALUES (?, ?, ?, ?, 'InProgress', ?, ?, ?)",
            operation_id, kind, target, entity, json.dumps(arguments or {}), utc_now(), CLOCK.time() + seconds,
        )  # fmt: skip
        self._wake.set()
        return self.get(operation_id)

    def get(self, operation_id: str) -> Operation:
        """Raises `ArmError` 404."""
        row = self._store.row("SELECT * FROM operations WHERE id = ?", operation_id)
        if row is None:
            raise ArmError(404, "NotFound", f"Operation {operation_id} does not exist.")
        return _operation(row)

    def all_of(self, kind: str) -> list[Operation]:
        """In the order in which they were started, ended ones among them."""
        return [
            _operation(row) for row in self._store.rows("SELECT * FROM operations WHERE kind = ? ORDER BY rowid", kind)
        ]

    def running_on(self, entity: str) -> bool:
        row = self._store.row("SELECT 1 FROM operations WHERE entity = ? AND state = 'InProgress' LIMIT 1", entity)
        return row is not None

    def wake(self) -> None:
        """Look for due operations now; called when the clock was put forward."""
        self._wake.set()

    async def run(self) -> None:
        """Finish operations as they fall due, until cancelled; an interrupted one starts over at the next start."""
        try:
            await self._finish_due()
        finally:
            for task in self._active.values():
                task.cancel()
            await asyncio.gather(*self._active.values(), return_exceptions=True)

    async def _finish_due(self) -> None:
        while True:
            self._wake.clear()
            nap = _LONGEST_NAP_S
            for row in self._store.rows("SELECT * FROM operations WHERE state = 'InProgress' ORDER BY due"):
                operation = _operation(row)
                if operation.id in self._active:
                    continue
                if (left := operation.due - CLOCK.time()) > 0:
                    nap = min(nap, left)
                    break
                task = asyncio.create_task(self._finish(operation), name=f"operation {operation.kind}")
                task.add_done_callback(stop_if_broken)
                self._active[operation.id] = task
            try:
                await asyncio.wait_for(self._wake.wait(), nap)
            except TimeoutError:
                continue

    async def _finish(self, operation: Operation) -> None:
        finisher = self._finishers[operation.kind]
        error: dict[str, Any] | None = operation.arguments.get("fault")
        try:
            if error is None:
                await finisher.work(operation)
        except ArmError as problem:
            error = problem.error
        except Exception as problem:  # a defect here must not leave the operation running for ever
            error = _defect(operation, problem)
        try:
            self._record(finisher, operation, error)
        except Exception as problem:
            self._record(finisher, operation, _defect(operation, problem))
        del self._active[operation.id]
        self._wake.set()

    def _record(self, finisher: Finisher, operation: Operation, error: dict[str, Any] | None) -> None:
        with self._store.transaction():
            finisher.commit(operation, error)
            self._store.write(
                "UPDATE operations SET state = ?, error = ?, ended_at = ? WHERE id = ?",
                "Failed" if error else "Succeeded", json.dumps(error), utc_now(), operation.id,
            )  # fmt: skip


def _defect(operation: Operation, problem: Exception) -> dict[str, Any]:
    _log.error("operation %s on %s failed", operation.kind, operation.target, exc_info=problem)
    return ArmError(500, "InternalServerError", f"{type(problem).__name__}: {problem}").error


def _operation(row: sqlite3.Row) -> Operation:
    columns = dict(row)
    columns["arguments"] = json.loads(columns["arguments"])
    columns["error"] = json.loads(columns["error"]) if columns["error"] else None
    return Operation(**columns)


def poll_url(operation: Operation, *, base: str, settings: Settings, results: bool) -> str:
    """The URL the client polls: of the status document, or of the result itself."""
    collection = "mfeOperationResults" if results else "mfeOperationsStatus"
    return (
        f"{base}/subscriptions/{settings.subscription}/providers/{PROVIDER}"
        f"/locations/{settings.region}/{collection}/odidp:{operation.id}?api-version=2024-01-01-preview"
    )


def retry_headers(seconds: float) -> dict[str, str]:
    """When to ask again. The SDK would wait 30 s without them; `Retry-After` itself knows whole seconds only."""
    if seconds < 1:
        return {"x-ms-retry-after-ms": str(max(50, round(seconds * 1000)))}
    return {"Retry-After": str(math.ceil(seconds))}
