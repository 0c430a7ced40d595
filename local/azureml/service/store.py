"""The durable state: documents by ARM id, running operations, jobs' runs, and events still to deliver.

One SQLite file in WAL mode. A request commits before it is answered, so `kill -9` loses nothing that was
acknowledged. One connection, used by the event loop's thread only; a transaction never spans an `await`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.conventions import lock_directory

Document = dict[str, Any]

# ARM ids are case-insensitive, hence NOCASE. `collection` is the id without its last segment.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS resources (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE COLLATE NOCASE,
    collection TEXT NOT NULL COLLATE NOCASE,
    doc TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS resources_of ON resources (collection, seq);
CREATE TABLE IF NOT EXISTS operations (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, target TEXT NOT NULL COLLATE NOCASE,
    entity TEXT COLLATE NOCASE, state TEXT NOT NULL, arguments TEXT NOT NULL, error TEXT,
    started_at TEXT NOT NULL, ended_at TEXT, due REAL NOT NULL);
CREATE INDEX IF NOT EXISTS operations_open ON operations (state, due);
CREATE TABLE IF NOT EXISTS runs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, job TEXT NOT NULL UNIQUE COLLATE NOCASE, state TEXT NOT NULL,
    compute TEXT NOT NULL COLLATE NOCASE, spec TEXT NOT NULL, attempt INTEGER NOT NULL DEFAULT 0,
    pid INTEGER, pid_started TEXT);
CREATE TABLE IF NOT EXISTS invocations (
    request_id TEXT NOT NULL, endpoint TEXT NOT NULL COLLATE NOCASE, job TEXT NOT NULL,
    PRIMARY KEY (endpoint, request_id));
CREATE TABLE IF NOT EXISTS outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, workspace TEXT NOT NULL, event TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS notifications (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, alert TEXT NOT NULL COLLATE NOCASE, body TEXT NOT NULL,
    way TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, detail TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class Store:
    """Documents by ARM id, plus the tables of the other modules; writes need an open transaction."""

    def __init__(self, path: Path) -> None:
        self._lock = lock_directory(path.parent, "Azure Machine Learning")
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + _SCHEMA)

    def close(self) -> None:
        self._db.close()
        self._lock.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is committed together, or not at all."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # SQLite itself undoes what it cannot commit for want of space
                self._db.execute("ROLLBACK")
            raise

    def write(self, sql: str, *arguments: Any) -> None:
        """Run a changing statement. Raises `RuntimeError` outside a transaction."""
        if not self._db.in_transaction:
            raise RuntimeError("Open a transaction first: every write belongs to one.")
        self._db.execute(sql, arguments)

    def rows(self, sql: str, *arguments: Any) -> list[sqlite3.Row]:
        return self._db.execute(sql, arguments).fetchall()

    def row(self, sql: str, *arguments: Any) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._db.execute(sql, arguments).fetchone()
        return row

    def put(self, arm_id: str, document: Document) -> None:
        """Create or replace a document; a replaced one keeps its place in the order of creation."""
        self.write(
            "INSERT INTO resources (id, collection, doc) VALUES (?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET doc = excluded.doc",
            arm_id,
            arm_id.rpartition("/")[0],
            json.dumps(document),
        )

    def get(self, arm_id: str) -> Document | None:
        row = self.row("SELECT doc FROM resources WHERE id = ?", arm_id)
        return json.loads(row["doc"]) if row else None

    def newest_first(self, collection: str) -> list[Document]:
        """The documents directly under a collection's id."""
        rows = self.rows("SELECT doc FROM resources WHERE collection = ? ORDER BY seq DESC", collection)
        return [json.loads(row["doc"]) for row in rows]

    def count(self, collection: str) -> int:
        row = self.row("SELECT count(*) AS n FROM resources WHERE collection = ?", collection)
        return int(row["n"]) if row else 0

    def count_like(self, pattern: str) -> int:
        """How many documents are in the collections whose ids match; `%` stands for anything."""
        row = self.row("SELECT count(*) AS n FROM resources WHERE collection LIKE ?", pattern)
        return int(row["n"]) if row else 0

    def setting(self, name: str) -> str | None:
        """What was set through the control interface and survives a restart."""
        row = self.row("SELECT value FROM settings WHERE name = ?", name)
        return str(row["value"]) if row else None

    def set_setting(self, name: str, value: str) -> None:
        self.write(
            "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            name,
            value,
        )

    def delete_tree(self, arm_id: str) -> None:
        """Delete a document and everything below it ('0' follows '/' in the order of characters)."""
        self.write("DELETE FROM resources WHERE id = ? OR (id > ? || '/' AND id < ? || '0')", *[arm_id] * 3)
