"""A release as the rows of its partition, and back.

`release`            the release without its targets as JSON, and the columns that queries and people look at
`target|<key>`       one target each, written only when it changed
`inbox|<hash>`       an event that was applied
`history|<number>`   one entry of the audit trail
`outbox|<sequence>`  a command that is not yet known to be sent; the sequence keeps their order

The version of a release carries the ETag of its row, so that a commit needs no reading before it.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    put_guarded,
    replace,
    split_text,
)
from shared.application.release.ports import ReleaseCommit
from shared.contracts.messages import decode_command, encode_command
from shared.contracts.stored.form import SCHEMA_V
from shared.contracts.stored.releases import ENTRY, FLEET_TARGET, RELEASE, TARGET
from shared.domain.fleet.roster import Roster
from shared.domain.release.commands import Command
from shared.domain.release.model import FleetTarget, Kind, Release, Target

RELEASE_KEY = "release"
#: From the outbox to the last target row, with the release row between them; inbox and history sort before them.
RELEASE_ROWS = ("outbox|", "target}")
HISTORY_ROWS = ("history|", "history}")
OUTBOX_ROWS = ("outbox|", "outbox}")
_TARGET, _OUTBOX = "target|", "outbox|"


@dataclass(frozen=True, kw_only=True)
class Version:
    """What a commit must know about the release row. `outbox_count` is how many commands there ever were; `may_rest` is
    what the commit said, and true where older code made it, which did not say."""

    etag: str
    outbox_count: int
    may_rest: bool = True

    def text(self) -> str:
        """The opaque form that callers hold."""
        return f"{self.outbox_count}|{self.may_rest}|{self.etag}"

    @staticmethod
    def of(text: str) -> "Version":
        """The version that `text` wrote."""
        count, may_rest, etag = text.split("|", 2)
        return Version(etag=etag, outbox_count=int(count), may_rest=may_rest == "True")

    def number(self, release: Release) -> int:
        """The number of the commit that left `release` with this version: what it wrote down, and nothing is ever
        unwritten. Older code counts the same way."""
        return release.history_count + self.outbox_count


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A release as its rows have it; `unsent` is its outbox by the keys of its rows, oldest first."""

    release: Release
    version: Version
    unsent: Mapping[str, Command]


def read_release(rows: list[Row]) -> Kept | None:
    """The release in the rows of `RELEASE_ROWS`; None when there is none."""
    own = next((row for row in rows if row["RowKey"] == RELEASE_KEY), None)
    if own is None:
        return None
    target_rows = [row for row in rows if row["RowKey"].startswith(_TARGET)]
    texts = [join_text("json", row) for row in sorted(target_rows, key=lambda row: int(row["number"]))]
    release = read_without_targets(own)
    if release.kind is not Kind.MODEL:
        release = dataclasses.replace(release, fleet=tuple(FLEET_TARGET.load(text) for text in texts))
    else:
        release = dataclasses.replace(release, targets=tuple(TARGET.load(text) for text in texts))
    return Kept(
        release=release,
        version=Version(etag=etag_of(own), outbox_count=own["outbox_count"], may_rest=own.get("may_rest", True)),
        unsent={row["RowKey"]: _command(row) for row in rows if row["RowKey"].startswith(_OUTBOX)},
    )


def _command(row: Row) -> Command:
    return decode_command(join_text("json", row))


def read_without_targets(row: Row) -> Release:
    """The release in the row of RELEASE_KEY."""
    return RELEASE.load(join_text("json", row))


def inbox_key(event_id: str) -> str:
    """The row key of an applied event."""
    return f"inbox|{hashed(event_id)}"


def commit_operations(change: ReleaseCommit, before: Release | None, op_id: str) -> list[Operation]:
    """Everything one commit writes over `before`, the release as it is stored; the release row is first.

    Only the release row is written under its ETag: every commit replaces it, so that it stands for the target rows too.
    """
    release_id = change.release.release_id
    version = Version.of(change.version) if change.version is not None else None
    count = version.outbox_count if version else 0
    own = _release_row(change.release, op_id, count + len(change.commands)) | {"may_rest": change.may_rest}
    entries = [
        {"RowKey": f"history|{entry.number:06}", "digest": entry.digest, **split_text("json", ENTRY.dump(entry))}
        for entry in change.entries
    ]
    commands = [
        {"RowKey": key, "command_id": command.command_id, **split_text("json", encode_command(command))}
        for key, command in _added(change, count).items()
    ]
    events = [{"RowKey": inbox_key(event_id), "event_id": event_id} for event_id in dict.fromkeys(change.event_ids)]
    return [
        replace(own, version.etag) if version else insert(own),
        *_target_operations(change.release, before),
        *(insert({"PartitionKey": release_id, **row}) for row in (*events, *entries, *commands)),
    ]


def _added(change: ReleaseCommit, count: int) -> dict[str, Command]:
    """What the commit adds to an outbox of so many commands before it, by the keys of its rows."""
    return {f"{_OUTBOX}{count + number:06}": command for number, command in enumerate(change.commands, 1)}


def kept_after(change: ReleaseCommit, before: Kept | None, etag: str) -> Kept:
    """What the commit left behind; `etag` is that of its release row."""
    count = before.version.outbox_count if before else 0
    version = Version(etag=etag, outbox_count=count + len(change.commands), may_rest=change.may_rest)
    unsent = {**(before.unsent if before else {}), **_added(change, count)}
    return Kept(release=change.release, version=version, unsent=unsent)


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


def _target_operations(release: Release, before: Release | None) -> list[Operation]:
    """Only what changed since `before`: rows to write and, where the list became shorter, rows to delete."""
    known, fleet = (before.targets, before.roster) if before else ((), Roster())
    changed: list[tuple[int, Target | FleetTarget]] = [*release.roster.changed_since(fleet)]
    changed += [(number, target) for number, target in enumerate(release.targets) if (target,) != known[number:][:1]]
    operations = [put_guarded(_target_row(release.release_id, number, target)) for number, target in changed]
    if len(release.targets) < len(known) or len(release.fleet) < len(fleet):
        gone = _row_keys(known, fleet) - _row_keys(release.targets, release.fleet)
        operations += [delete({"PartitionKey": release.release_id, "RowKey": key}) for key in sorted(gone)]
    return operations


def _row_keys(targets: Sequence[Target], fleet: Sequence[FleetTarget]) -> set[str]:
    return {target_row_key(each.key) for each in targets} | {target_row_key(each.key) for each in fleet}


def target_row_key(key: str) -> str:
    """The row key of a target."""
    return f"{_TARGET}{plain_key(key)}"


def _target_row(release_id: str, number: int, target: Target | FleetTarget) -> Row:
    text: dict[str, Any] = split_text("json", _dump(target))
    key = target_row_key(target.key)
    return {"PartitionKey": release_id, "RowKey": key, "number": number, "touched": target.touched, **text}


def _dump(target: Target | FleetTarget) -> str:
    return TARGET.dump(target) if isinstance(target, Target) else FLEET_TARGET.dump(target)
