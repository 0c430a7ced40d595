"""What arrived, on disk. A message that is committed here was accepted.

SQLite in WAL mode with synchronous=NORMAL: a killed process loses no committed transaction.
"""

from __future__ import annotations

import json
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.conventions import lock_directory

LISTED_MAX = 1000

_TABLES = """
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, channel TEXT NOT NULL, recipient TEXT NOT NULL, subject TEXT NOT NULL,
    message_id TEXT NOT NULL, received_at REAL NOT NULL, repeats INTEGER NOT NULL DEFAULT 0, bounced INTEGER NOT NULL,
    body TEXT NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS known ON messages (channel, recipient, message_id);
CREATE TABLE IF NOT EXISTS requests (
    request_id TEXT PRIMARY KEY, operation_id TEXT NOT NULL, received_at REAL NOT NULL);
"""


@dataclass(frozen=True, kw_only=True)
class Arrived:
    """One message. `repeats` counts those that came again under its id, `bounced` says that it was taken and could not
    be delivered. Times are seconds since 1970."""

    id: int
    channel: str
    recipient: str
    subject: str
    message_id: str
    received_at: float
    repeats: int
    bounced: bool
    body: dict[str, Any]


class Store:
    """One data directory, kept to this process."""

    def __init__(self, data: Path) -> None:
        data.mkdir(parents=True, exist_ok=True)
        self._lock = lock_directory(data, "mailbox")
        self._db = sqlite3.connect(data / "mailbox.sqlite", isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + _TABLES)

    def add(
        self,
        channel: str,
        recipient: str,
        subject: str,
        message_id: str,
        body: dict[str, Any],
        *,
        bounced: bool = False,
    ) -> bool:
        """Keeps a message; False, and one more repetition, when its id is known."""
        row = (channel, recipient, subject, message_id, time.time(), int(bounced), json.dumps(body))
        try:
            self._db.execute(
                "INSERT INTO messages (channel, recipient, subject, message_id, received_at, bounced, body)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                row,
            )
        except sqlite3.IntegrityError:
            self._db.execute(
                "UPDATE messages SET repeats = repeats + 1 WHERE channel = ? AND recipient = ? AND message_id = ?",
                (channel, recipient, message_id),
            )
            return False
        return True

    def request(self, request_id: str, operation_id: str) -> str:
        """The operation of a repeatable request: the one that is known, or this one from now on."""
        self._db.execute("INSERT OR IGNORE INTO requests VALUES (?, ?, ?)", (request_id, operation_id, time.time()))
        row = self._db.execute("SELECT operation_id FROM requests WHERE request_id = ?", (request_id,)).fetchone()
        return str(row["operation_id"])

    def operation(self, operation_id: str) -> Arrived | None:
        """The mail of an operation."""
        row = self._db.execute(
            "SELECT * FROM messages WHERE channel = 'mail' AND message_id = ? LIMIT 1", (operation_id,)
        ).fetchone()
        return _arrived(row) if row else None

    def listed(self, *, channel: str = "", recipient: str = "", after: int = 0) -> list[Arrived]:
        """The latest first; only what came behind the one with the id `after`."""
        rows = self._db.execute(
            "SELECT * FROM messages WHERE id > ? AND (? = '' OR channel = ?) AND (? = '' OR recipient = ?)"
            " ORDER BY id DESC LIMIT ?",
            (after, channel, channel, recipient, recipient, LISTED_MAX),
        )
        return [_arrived(row) for row in rows]

    def clear(self) -> None:
        """Forgets every message."""
        self._db.executescript("DELETE FROM messages; DELETE FROM requests;")


def _arrived(row: sqlite3.Row) -> Arrived:
    return Arrived(
        id=row["id"],
        channel=row["channel"],
        recipient=row["recipient"],
        subject=row["subject"],
        message_id=row["message_id"],
        received_at=row["received_at"],
        repeats=row["repeats"],
        bounced=bool(row["bounced"]),
        body=json.loads(row["body"]),
    )
