"""What survives: messages, duplicate-detection history and session state in one SQLite file (WAL).

Writes join one transaction that ``commit`` ends. The server calls ``commit`` once per turn of its loop and
before any byte of that turn leaves, so everything a client got an answer for is on disk, and a burst costs one commit.
WAL with ``synchronous=NORMAL`` survives the death of the process at any moment, not a loss of power.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local.conventions import lock_directory
from local.servicebus.queues.message import Incoming, Message, MessageState

_SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    sequence INTEGER PRIMARY KEY, queue TEXT NOT NULL, state INTEGER NOT NULL, enqueued_at REAL NOT NULL,
    expires_at REAL, delivery_count INTEGER NOT NULL, enqueued_sequence INTEGER NOT NULL,
    dead_letter_source TEXT, lock_token BLOB, locked_until REAL NOT NULL,
    bare BLOB NOT NULL, annotations BLOB NOT NULL, annotation_count INTEGER NOT NULL,
    durable INTEGER NOT NULL, priority INTEGER, ttl_s REAL, scheduled_at REAL,
    message_id TEXT, session_id TEXT
);
CREATE TABLE IF NOT EXISTS duplicate (
    queue TEXT NOT NULL, message_id TEXT NOT NULL, seen_at REAL NOT NULL, sequence INTEGER NOT NULL,
    PRIMARY KEY (queue, message_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS session_state (
    queue TEXT NOT NULL, session_id TEXT NOT NULL, state BLOB NOT NULL, PRIMARY KEY (queue, session_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS last_sequence (id INTEGER PRIMARY KEY CHECK (id = 1), value INTEGER NOT NULL);
INSERT OR IGNORE INTO last_sequence VALUES (1, 0);
"""
_INSERT = f"INSERT INTO message VALUES ({', '.join('?' * 19)})"  # nosec B608 # nothing but question marks
SCHEMA_VERSION = 1
SEQUENCE_BLOCK = 1000


class StoreError(Exception):
    """The data directory cannot be used; the text says why."""


class Store:
    """The SQLite file of one broker. One process at a time may have it open."""

    def __init__(self, directory: Path) -> None:
        self._lock = lock_directory(directory, "broker")
        self._db = sqlite3.connect(directory / "servicebus.db", isolation_level=None)
        self._execute = self._db.execute
        self._execute("PRAGMA journal_mode = WAL")
        self._execute("PRAGMA synchronous = NORMAL")
        version = self._execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, SCHEMA_VERSION):
            raise StoreError(f"{directory} was written by another version ({version}); use a new directory")
        self._db.executescript(_SCHEMA)
        self._execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        self._in_transaction = False
        self._reserved = int(self._execute("SELECT value FROM last_sequence").fetchone()[0])
        self._last_sequence = self._reserved

    def next_sequence(self) -> int:
        """A number never used before, also not before a restart, which may leave a gap."""
        self._last_sequence += 1
        if self._last_sequence > self._reserved:  # in blocks: one write less for each message
            self._reserved += SEQUENCE_BLOCK
            self._write("UPDATE last_sequence SET value = ?", (self._reserved,))
        return self._last_sequence

    def commit(self) -> None:
        """Make everything since the last commit durable."""
        if not self._in_transaction:
            return
        self._execute("COMMIT")
        self._in_transaction = False

    def close(self) -> None:
        self.commit()
        self._db.close()
        self._lock.close()

    def _write(self, sql: str, values: tuple[Any, ...]) -> None:
        if not self._in_transaction:
            self._execute("BEGIN IMMEDIATE")
            self._in_transaction = True
        self._execute(sql, values)

    # messages

    def insert(self, queue: str, message: Message) -> None:
        incoming = message.incoming
        values = (
            message.sequence,
            queue,
            int(message.state),
            message.enqueued_at,
            message.expires_at,
            message.delivery_count,
            message.enqueued_sequence,
            message.dead_letter_source,
            message.lock_token,
            message.locked_until,
            incoming.bare,
            incoming.annotations,
            incoming.annotation_count,
            incoming.durable,
            incoming.priority,
            incoming.ttl_s,
            incoming.scheduled_at,
            incoming.message_id,
            incoming.session_id,
        )
        self._write(_INSERT, values)

    def save_lock(self, message: Message) -> None:
        self._write(
            "UPDATE message SET lock_token = ?, locked_until = ? WHERE sequence = ?",
            (message.lock_token, message.locked_until, message.sequence),
        )

    def save_state(self, message: Message) -> None:
        """Write state and delivery count; the message is unlocked."""
        self._write(
            "UPDATE message SET state = ?, delivery_count = ?, lock_token = NULL WHERE sequence = ?",
            (int(message.state), message.delivery_count, message.sequence),
        )

    def save_activation(self, old_sequence: int, message: Message) -> None:
        """A scheduled message became active under a new sequence number."""
        self._write(
            "UPDATE message SET sequence = ?, state = ?, enqueued_sequence = ?, expires_at = ? WHERE sequence = ?",
            (
                message.sequence,
                int(message.state),
                message.enqueued_sequence,
                message.expires_at,
                old_sequence,
            ),
        )

    def delete(self, message: Message) -> None:
        self._write("DELETE FROM message WHERE sequence = ?", (message.sequence,))

    def messages(self) -> Iterator[tuple[str, Message]]:
        """Every stored message with the name of its queue, in order."""
        for row in self._execute("SELECT * FROM message ORDER BY sequence"):
            fields = list(row[10:])
            fields[3] = bool(fields[3])
            message = Message(row[0], Incoming(*fields), MessageState(row[2]), *row[3:10])
            yield row[1], message

    # duplicate detection

    def save_duplicate(self, queue: str, message_id: str, seen_at: float, sequence: int) -> None:
        self._write("INSERT OR REPLACE INTO duplicate VALUES (?, ?, ?, ?)", (queue, message_id, seen_at, sequence))

    def forget_duplicates(self, queue: str, seen_before: float) -> None:
        self._write("DELETE FROM duplicate WHERE queue = ? AND seen_at <= ?", (queue, seen_before))

    def duplicates(self) -> Iterator[tuple[str, str, float, int]]:
        """Queue, message id, time and sequence number, oldest first."""
        yield from self._execute("SELECT * FROM duplicate ORDER BY seen_at")

    # session state

    def save_session_state(self, queue: str, session_id: str, state: bytes | None) -> None:
        if state is None:
            self._write("DELETE FROM session_state WHERE queue = ? AND session_id = ?", (queue, session_id))
        else:
            self._write("INSERT OR REPLACE INTO session_state VALUES (?, ?, ?)", (queue, session_id, state))

    def session_states(self) -> Iterator[tuple[str, str, bytes]]:
        yield from self._execute("SELECT * FROM session_state")
