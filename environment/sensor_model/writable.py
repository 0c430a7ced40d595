"""Which tables of other writers the load may change: what it cannot keep is refused before anything is written.

A table may be made by Spark, Synapse, Fabric or Databricks. Everything here was tried with tables that a real Spark
made (tests/environment/foreign); docs/data.md has the table of what is read, written and rewritten.
"""

import re
from collections.abc import Iterator, Sequence

import pyarrow as pa
from deltalake import DeltaTable, Field
from deltalake.schema import PrimitiveType

from sensor_model.table import COPY, KEY_COLUMNS, TableError, features_of, wrong_keys

WRITTEN = frozenset(
    {
        "appendOnly",
        "changeDataFeed",
        "checkConstraints",
        "columnMapping",
        "deletionVectors",
        "generatedColumns",
        "invariants",
        "timestampNtz",
        "v2Checkpoint",
        "variantType",
    }
)
"""Features of Delta that writers must know and that a load keeps. Those in use that it cannot keep are found below."""

IDENTITY_WRITER = 6
"""The one version of writers before features had names that is more than WRITTEN."""

_WAYS_OUT = {
    "inCommitTimestamp": "ALTER TABLE ... SET TBLPROPERTIES ('delta.enableInCommitTimestamps'='false'), then ALTER "
    "TABLE ... DROP FEATURE inCommitTimestamp",
}
_DAY_OF_TIMESTAMP = ("cast(timestampasdate)", "date(timestamp)", "to_date(timestamp)")
_PLAIN = ("string", "double", "float", "long", "integer", "short", "byte", "boolean", "date", "timestamp")
_PLAIN_DECIMAL = re.compile(r"decimal\(\d+,\s*\d+\)")


def check_writable(table: DeltaTable, features: Sequence[str], adding: Sequence[str] = ()) -> None:
    """TableError, with everything there is to do, unless a load that fills `features` keeps all that the table is.

    `adding` are columns that the load may add; those of `features` that are missing and not among them are told too.
    """
    found = [
        *_of_protocol(table, adding),
        *wrong_keys(pa.schema(table.schema().to_arrow())),
        *_of_features(table, features, adding),
        *_of_columns(table, features),
    ]
    if found:
        raise TableError(f"the load cannot write to the table at {table.table_uri}, which {'; '.join(found)}")


def has_features(table: DeltaTable) -> bool:
    """Whether the protocol names features. Then the library must not change properties or columns: it would add
    `variantType` to what every reader must know."""
    return table.protocol().writer_features is not None


def why_not_rewritten(table: DeltaTable) -> str:
    """Why the table must not be sorted anew, the end of a sentence about it; empty when it may."""
    if partitions := table.metadata().partition_columns:
        return f"is partitioned by {', '.join(partitions)}: each partition would have files of its own again"
    if _is_on(table, "delta.enableChangeDataFeed"):
        return "has a change data feed, in which every row would be told as changed"
    if _is_on(table, "delta.columnMapping.mode", off="none"):
        return "maps its columns to other names"
    odd = [field.name for field in table.schema().fields if not _is_plain(field)]
    return f"has columns that are carried along as they are: {', '.join(odd)}" if odd else ""


def _of_protocol(table: DeltaTable, adding: Sequence[str]) -> Iterator[str]:
    protocol = table.protocol()
    for feature in sorted(set(protocol.writer_features or ()) - WRITTEN):
        yield f"uses {feature}: {_WAYS_OUT.get(feature, COPY)}"
    if protocol.min_writer_version == IDENTITY_WRITER:
        yield f"asks for writer version {IDENTITY_WRITER}, which may have identity columns: {COPY}"
    missing = sorted(set(adding) - {field.name for field in table.schema().fields})
    if missing and has_features(table):
        yield (
            f"has features, and columns are added to it where it was made: "
            f"ALTER TABLE ... ADD COLUMNS ({', '.join(f'{name} DOUBLE' for name in missing)})"
        )
    if _is_on(table, "delta.appendOnly"):
        yield (
            "is append-only (delta.appendOnly), and rows of open days are corrected: "
            "ALTER TABLE ... UNSET TBLPROPERTIES ('delta.appendOnly')"
        )
    for name in table.metadata().configuration:
        if name.startswith("delta.constraints."):
            constraint = name.removeprefix("delta.constraints.")
            yield (
                f"has the constraint {constraint}, by which one row would keep out those of all sensors: "
                f"ALTER TABLE ... DROP CONSTRAINT {constraint}"
            )
    if others := [name for name in table.metadata().partition_columns if name not in ("sensor_id", "date")]:
        yield f"is partitioned by {', '.join(others)}, of which raw rows have nothing: {COPY}"


def _of_features(table: DeltaTable, features: Sequence[str], adding: Sequence[str]) -> Iterator[str]:
    there = {field.name: field.type for field in table.schema().fields}
    folded = {name.casefold(): name for name in there}
    usable = features_of(table)
    for name in dict.fromkeys((*features, *adding)):
        if name in there and name not in usable:
            yield f"has {_told(there[name])} in {name}, not double, so that values would be cut: {COPY}, with a CAST"
        elif name not in there and name in folded:
            yield f"has {folded[name]} instead of {name}, and Delta knows no two such names: {COPY}, with AS {name}"
        elif name not in there and name not in adding:
            yield f"lacks the feature {name}: add it with --add-columns {name}"


def _of_columns(table: DeltaTable, features: Sequence[str]) -> Iterator[str]:
    for field in table.schema().fields:
        generated = str(field.metadata.get("delta.generationExpression", ""))
        if generated and (field.name != "date" or _bare(generated) not in _DAY_OF_TIMESTAMP):
            yield f"generates its column {field.name} as {generated}: {COPY}"
        if "delta.invariants" in field.metadata:
            yield f"has an invariant on {field.name}, by which one row would keep out those of all sensors: {COPY}"
        if not field.nullable and field.name in features:
            yield f"takes no row without {field.name}: ALTER TABLE ... ALTER COLUMN {field.name} DROP NOT NULL"
        elif not field.nullable and field.name not in KEY_COLUMNS:
            yield f"takes no row without {field.name}, which raw rows do not have: {COPY}"


def _bare(expression: str) -> str:
    return re.sub(r"[\s`]", "", expression).casefold()


def _is_on(table: DeltaTable, name: str, off: str = "false") -> bool:
    return table.metadata().configuration.get(name, off).casefold() != off


def _told(kind: object) -> str:
    return kind.type if isinstance(kind, PrimitiveType) else str(kind)


def _is_plain(field: Field) -> bool:
    kind = field.type
    return isinstance(kind, PrimitiveType) and (
        kind.type in _PLAIN or kind.type == "timestamp_ntz" or bool(_PLAIN_DECIMAL.fullmatch(kind.type))
    )
