"""Subscriptions and deliveries on disk. What is committed here is what "accepted" means.

SQLite in WAL mode with synchronous=NORMAL: a killed process loses no committed transaction. (A machine that loses
power might lose the last few; the local cloud does not promise more.)
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.conventions import lock_directory
from local.eventgrid.config import Schema, Subscription

AWAITING = "AwaitingValidation"
ACTIVE = "Active"
KEEP_FINISHED = 10_000  # deliveries kept for looking at; older ones are dropped at start

_TABLES = """
CREATE TABLE IF NOT EXISTS subscriptions (
    name TEXT PRIMARY KEY, spec TEXT NOT NULL, state TEXT NOT NULL, code TEXT NOT NULL, problem TEXT);
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT, subscription TEXT NOT NULL, event_id TEXT NOT NULL,
    event_type TEXT NOT NULL, schema TEXT NOT NULL, body TEXT NOT NULL, published_at REAL NOT NULL,
    state TEXT NOT NULL DEFAULT 'pending', due_at REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,
    last_attempt_at REAL, last_status INTEGER, last_outcome TEXT, reason TEXT, blob TEXT);
CREATE INDEX IF NOT EXISTS due ON deliveries (state, subscription, due_at);
"""


@dataclass(frozen=True)
class StoredSubscription:
    spec: Subscription
    state: str
    code: str  # what the endpoint must send back in the handshake
    problem: str | None  # why the last handshake failed


@dataclass(frozen=True)
class Delivery:
    """One event on its way to one subscription. Times are seconds since 1970."""

    id: int
    subscription: str
    event_id: str
    event_type: str
    schema: Schema
    body: dict[str, Any]
    published_at: float
    state: str
    due_at: float
    attempts: int
    last_attempt_at: float | None
    last_status: int | None
    last_outcome: str | None
    reason: str | None
    blob: str | None


@dataclass(frozen=True)
class NewDelivery:
    subscription: str
    event_id: str
    event_type: str
    schema: Schema
    body: dict[str, Any]
    due_at: float


@dataclass(frozen=True)
class Attempt:
    """How a delivery attempt ended; a status of None means that no answer came."""

    status: int | None
    outcome: str


class Store:
    def __init__(self, data: Path) -> None:
        self._lock = lock_directory(data, "Event Grid")
        self._db = sqlite3.connect(data / "eventgrid.sqlite", isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_TABLES)
        self._db.execute(
            "DELETE FROM deliveries WHERE state='delivered' AND id <= "
            "(SELECT COALESCE(MAX(id), 0) FROM deliveries) - ?",
            (KEEP_FINISHED,),
        )

    def close(self) -> None:
        self._db.close()
        self._lock.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make several changes with one commit."""
        with self._db:
            self._db.execute("BEGIN")
            yield

    # Subscriptions

    def put_subscription(self, spec: Subscription) -> StoredSubscription:
        """Create or replace; a changed endpoint or schema has to prove itself again."""
        old = self.subscription(spec.name)
        proven = (
            old is not None
            and old.state == ACTIVE
            and (old.spec.endpoint, old.spec.event_delivery_schema) == (spec.endpoint, spec.event_delivery_schema)
        )
        state = ACTIVE if proven or spec.is_file else AWAITING
        self._db.execute(
            "INSERT OR REPLACE INTO subscriptions (name, spec, state, code, problem) VALUES (?, ?, ?, ?, NULL)",
            (spec.name, spec.model_dump_json(by_alias=True), state, secrets.token_urlsafe(24)),
        )
        stored = self.subscription(spec.name)
        assert stored  # nosec B101 # for the type checker: it was written right above
        return stored

    def delete_subscription(self, name: str) -> bool:
        with self.together():
            self._db.execute("DELETE FROM deliveries WHERE subscription=? AND state='pending'", (name,))
            return self._db.execute("DELETE FROM subscriptions WHERE name=?", (name,)).rowcount > 0

    def subscription(self, name: str) -> StoredSubscription | None:
        row = self._db.execute("SELECT * FROM subscriptions WHERE name=?", (name,)).fetchone()
        return _subscription(row) if row else None

    def subscriptions(self) -> list[StoredSubscription]:
        return [_subscription(row) for row in self._db.execute("SELECT * FROM subscriptions ORDER BY name")]

    def set_subscription_state(self, name: str, code: str, state: str, problem: str | None = None) -> None:
        """Only if the subscription was not replaced since the handshake with this code began."""
        self._db.execute(
            "UPDATE subscriptions SET state=?, problem=? WHERE name=? AND code=?", (state, problem, name, code)
        )

    # Deliveries

    def add(self, deliveries: Iterable[NewDelivery]) -> None:
        """All or none: the answer to the publisher leaves after this commit."""
        now = time.time()
        with self.together():
            self._db.executemany(
                "INSERT INTO deliveries (subscription, event_id, event_type, schema, body, published_at, due_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (d.subscription, d.event_id, d.event_type, d.schema, json.dumps(d.body), now, d.due_at)
                    for d in deliveries
                ],
            )

    def due(self, subscription: str, *, now: float, limit: int, skip: Iterable[int]) -> list[Delivery]:
        """Pending deliveries whose time has come, except those already under way."""
        under_way = json.dumps(list(skip))
        rows = self._db.execute(
            "SELECT * FROM deliveries WHERE state='pending' AND subscription=? AND due_at<=? "
            "AND id NOT IN (SELECT value FROM json_each(?)) ORDER BY due_at, id LIMIT ?",
            (subscription, now, under_way, limit),
        )
        return [_delivery(row) for row in rows]

    def next_due_at(self, subscription: str, *, skip: Iterable[int]) -> float | None:
        row = self._db.execute(
            "SELECT MIN(due_at) FROM deliveries WHERE state='pending' AND subscription=? "
            "AND id NOT IN (SELECT value FROM json_each(?))",
            (subscription, json.dumps(list(skip))),
        ).fetchone()
        due_at: float | None = row[0]
        return due_at

    def mark_delivered(self, delivery: Delivery, attempt: Attempt) -> None:
        self._finish_attempt(delivery, attempt, "delivered", delivery.due_at, None)

    def mark_retry(self, delivery: Delivery, attempt: Attempt, *, due_at: float) -> None:
        self._finish_attempt(delivery, attempt, "pending", due_at, None)

    def mark_dead(self, delivery: Delivery, attempt: Attempt, *, reason: str) -> None:
        self._finish_attempt(delivery, attempt, "deadlettered", delivery.due_at, reason)

    def mark_expired(self, delivery: Delivery, *, reason: str) -> None:
        """Dead without another attempt."""
        self._db.execute("UPDATE deliveries SET state='deadlettered', reason=? WHERE id=?", (reason, delivery.id))

    def dead_without_blob(self, *, limit: int) -> list[Delivery]:
        rows = self._db.execute(
            "SELECT * FROM deliveries WHERE state='deadlettered' AND blob IS NULL ORDER BY id LIMIT ?", (limit,)
        )
        return [_delivery(row) for row in rows]

    def set_blob(self, delivery: Delivery, blob: str) -> None:
        self._db.execute("UPDATE deliveries SET blob=? WHERE id=?", (blob, delivery.id))

    def deliveries(
        self,
        *,
        state: str | None = None,
        subscription: str | None = None,
        event_id: str | None = None,
        limit: int = 1000,
    ) -> list[Delivery]:
        """The newest deliveries, newest first, narrowed by what is given."""
        rows = self._db.execute(
            "SELECT * FROM deliveries WHERE (?1 IS NULL OR state=?1) AND (?2 IS NULL OR subscription=?2) "
            "AND (?3 IS NULL OR event_id=?3) ORDER BY id DESC LIMIT ?4",
            (state, subscription, event_id, limit),
        )
        return [_delivery(row) for row in rows]

    def _finish_attempt(
        self, delivery: Delivery, attempt: Attempt, state: str, due_at: float, reason: str | None
    ) -> None:
        self._db.execute(
            "UPDATE deliveries SET state=?, due_at=?, reason=?, attempts=attempts+1, last_attempt_at=?, "
            "last_status=?, last_outcome=? WHERE id=?",
            (state, due_at, reason, time.time(), attempt.status, attempt.outcome, delivery.id),
        )


def _subscription(row: sqlite3.Row) -> StoredSubscription:
    spec = Subscription.model_validate_json(row["spec"])
    return StoredSubscription(spec, row["state"], row["code"], row["problem"])


def _delivery(row: sqlite3.Row) -> Delivery:
    fields = dict(row)
    return Delivery(**{**fields, "schema": Schema(fields["schema"]), "body": json.loads(fields["body"])})
