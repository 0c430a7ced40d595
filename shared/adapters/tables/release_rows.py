"""A release as the rows of its partition, and back.

`release`            the release without its targets as JSON, and the columns that queries and people look at
`target|<key>`       one target each, written only when it changed
`inbox|<hash>`       an event that was applied
`history|<number>`   one entry of the audit trail
`outbox|<sequence>`  a command that is not yet known to be sent; the sequence keeps their order

The version of a release carries the ETags and digests of its rows, so that a commit needs no reading before it.
"""

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from shared.adapters.tables.access import etag_of
from shared.adapters.tables.rows import (
    Operation,
    Row,
    delete,
    hashed,
    insert,
    join_text,
    plain_key,
    replace,
    split_text,
)
from shared.application.release.ports import ReleaseCommit
from shared.contracts.messages import encode_command
from shared.contracts.stored.form import SCHEMA_V
from shared.contracts.stored.releases import ENTRY, FLEET_TARGET, RELEASE, TARGET
from shared.domain.release.model import FleetTarget, Kind, Release, Target

RELEASE_KEY = "release"
#: From the release row to the last target row; inbox, history and outbox sort before them.
RELEASE_AND_TARGETS = (RELEASE_KEY, "target}")
HISTORY_ROWS = ("history|", "history}")
OUTBOX_ROWS = ("outbox|", "outbox}")
_TARGET = "target|"


@dataclass(frozen=True, kw_only=True)
class Version:
    """What a commit must know about the rows it changes. `outbox_count` is how many commands there ever were."""

    etag: str
    outbox_count: int
    targets: dict[str, tuple[str, str]] = field(default_factory=dict)  # row key -> (ETag, digest)

    def text(self) -> str:
        """The opaque form that callers hold."""
        return json.dumps(dataclasses.asdict(self))

    @staticmethod
    def of(text: str) -> "Version":
        """The version that `text` wrote."""
        parts = json.loads(text)
        targets = {key: (etag, digest) for key, (etag, digest) in parts["targets"].items()}
        return Version(etag=parts["etag"], outbox_count=parts["outbox_count"], targets=targets)


def read_release(rows: list[Row]) -> tuple[Release, Version] | None:
    """The release in the rows of `RELEASE_AND_TARGETS`, and its version; None when there is none."""
    own = next((row for row in rows if row["RowKey"] == RELEASE_KEY), None)
    if own is None:
        return None
    target_rows = sorted((row for row in rows if row is not own), key=lambda row: int(row["number"]))
    texts = [join_text("json", row) for row in target_rows]
    version = Version(
        etag=etag_of(own),
        outbox_count=own["outbox_count"],
        targets={
            row["RowKey"]: (etag_of(row), _digest(row["number"], text))
            for row, text in zip(target_rows, texts, strict=True)
        },
    )
    release = read_without_targets(own)
    if release.kind is not Kind.MODEL:
        return dataclasses.replace(release, fleet=tuple(FLEET_TARGET.load(text) for text in texts)), version
    return dataclasses.replace(release, targets=tuple(TARGET.load(text) for text in texts)), version


def read_without_targets(row: Row) -> Release:
    """The release in the row of RELEASE_KEY."""
    return RELEASE.load(join_text("json", row))


def inbox_key(event_id: str) -> str:
    """The row key of an applied event."""
    return f"inbox|{hashed(event_id)}"


def commit_operations(change: ReleaseCommit, op_id: str) -> list[Operation]:
    """Everything one commit writes; the release row is first."""
    release_id = change.release.release_id
    before = Version.of(change.version) if change.version is not None else None
    count = before.outbox_count if before else 0
    own = _release_row(change.release, op_id, count + len(change.commands))
    entries = [
        {"RowKey": f"history|{entry.number:06}", "digest": entry.digest, **split_text("json", ENTRY.dump(entry))}
        for entry in change.entries
    ]
    commands = [
        {
            "RowKey": f"outbox|{count + number:06}",
            "command_id": command.command_id,
            **split_text("json", encode_command(command)),
        }
        for number, command in enumerate(change.commands, 1)
    ]
    events = [{"RowKey": inbox_key(event_id), "event_id": event_id} for event_id in dict.fromkeys(change.event_ids)]
    return [
        replace(own, before.etag) if before else insert(own),
        *_target_operations(change.release, before),
        *(insert({"PartitionKey": release_id, **row}) for row in (*events, *entries, *commands)),
    ]


def version_after(change: ReleaseCommit, operations: list[Operation], etags: list[str]) -> Version:
    """The version that a commit of these operations left behind; `etags` are theirs."""
    before = Version.of(change.version) if change.version is not None else None
    targets = dict(before.targets) if before else {}
    for (kind, row, _), etag in zip(operations, etags, strict=True):
        if not row["RowKey"].startswith(_TARGET):
            continue
        if kind == "delete":
            del targets[row["RowKey"]]
        else:
            targets[row["RowKey"]] = (etag, _digest(row["number"], join_text("json", row)))
    count = (before.outbox_count if before else 0) + len(change.commands)
    return Version(etag=etags[0], outbox_count=count, targets=targets)


def _release_row(release: Release, op_id: str, outbox_count: int) -> Row:
    candidate = release.candidate
    row: Row = {
        "PartitionKey": release.release_id,
        "RowKey": RELEASE_KEY,
        "schema_v": SCHEMA_V,
        "op_id": op_id,
        "outbox_count": outbox_count,
        "phase": release.phase.value,
        "plant_id": candidate.plant_id if candidate else "",
        "circuit_id": candidate.circuit_id if candidate else "",
        "model": release.asset,
        **split_text("json", RELEASE.dump(dataclasses.replace(release, targets=(), fleet=()))),
    }
    return row | ({"deadline_at": release.deadline_at} if release.deadline_at else {})


def _target_operations(release: Release, before: Version | None) -> list[Operation]:
    """Only what changed since `before`: inserts, replacements and deletions."""
    known = dict(before.targets) if before else {}
    operations: list[Operation] = []
    targets: list[Target | FleetTarget] = [*release.targets, *release.fleet]
    for number, target in enumerate(targets):
        row = _target_row(release.release_id, number, target)
        etag, digest = known.pop(row["RowKey"], ("", ""))
        if digest != _digest(number, join_text("json", row)):
            operations.append(replace(row, etag) if etag else insert(row))
    for row_key, (etag, _) in known.items():
        operations.append(delete({"PartitionKey": release.release_id, "RowKey": row_key}, etag))
    return operations


def target_row_key(key: str) -> str:
    """The row key of a target."""
    return f"{_TARGET}{plain_key(key)}"


def _target_row(release_id: str, number: int, target: Target | FleetTarget) -> Row:
    text: dict[str, Any] = split_text("json", _dump(target))
    key = target_row_key(target.key)
    return {"PartitionKey": release_id, "RowKey": key, "number": number, "touched": target.touched, **text}


def _dump(target: Target | FleetTarget) -> str:
    return TARGET.dump(target) if isinstance(target, Target) else FLEET_TARGET.dump(target)


def _digest(number: int, text: str) -> str:
    return hashlib.sha256(f"{number}|{text}".encode()).hexdigest()[:20]
