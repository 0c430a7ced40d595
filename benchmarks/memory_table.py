"""The table in memory, under the app's own row formats: every operation is counted, and none takes any time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import count

from azure.data.tables import TableEntity

from shared.adapters.tables.access import Table, Unsettled
from shared.adapters.tables.rows import Operation, Row, check_limits


class MemoryTable(Table):
    """`counts` are the operations by name; `rows written` those of all transactions, `bytes written` their texts."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._rows: dict[str, dict[str, TableEntity]] = defaultdict(dict)
        self._kinds: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._etags = count(1)

    async def get(self, partition_key: str, row_key: str, select: Sequence[str] = ()) -> Row | None:
        self.counts["reads"] += 1
        return self._rows[partition_key].get(row_key)

    async def query(
        self, partition_key: str, *, keys: tuple[str, str] = ("", ""), limit: int | None = None
    ) -> list[Row]:
        self.counts["queries"] += 1
        kinds = [kind for of, kind in list(self._kinds) if of == partition_key and _may_lie_in(kind, keys)]
        found = {
            key for kind in kinds for key in self._kinds[partition_key, kind] if keys[0] <= key < keys[1] or not keys[1]
        }
        return [self._rows[partition_key][key] for key in sorted(found)[:limit]]

    async def write(self, *operations: Operation) -> list[str]:
        check_limits(operations)
        partition_key = operations[0][1]["PartitionKey"]
        rows, etags = self._rows[partition_key], []
        for kind, row, condition in operations:
            there = rows.get(row["RowKey"])
            if (kind == "create" and there) or (
                "etag" in condition and (not there or _etag(there) != condition["etag"])
            ):
                raise Unsettled(f"{partition_key}/{row['RowKey']} is not as it was")
        self.counts["transactions"] += 1
        self.counts["rows written"] += len(operations)
        for kind, row, _ in operations:
            if kind == "delete":
                self._forget(partition_key, row["RowKey"])
                etags.append("")
                continue
            self.counts["bytes written"] += sum(len(value) for value in row.values() if isinstance(value, str))
            entity = TableEntity(row)
            etags.append(str(next(self._etags)))
            entity._metadata = {"etag": etags[-1], "timestamp": None}  # as the SDK sets it
            rows[row["RowKey"]] = entity
            self._kinds[partition_key, _kind(row["RowKey"])].add(row["RowKey"])
        return etags

    async def remove(self, partition_key: str, row_key: str) -> None:
        self.counts["removals"] += 1
        self._forget(partition_key, row_key)

    def _forget(self, partition_key: str, row_key: str) -> None:
        if self._rows[partition_key].pop(row_key, None) is not None:
            self._kinds[partition_key, _kind(row_key)].discard(row_key)


def _kind(row_key: str) -> str:
    """What sorts together: the key up to its first bar."""
    return row_key.partition("|")[0]


def _may_lie_in(kind: str, keys: tuple[str, str]) -> bool:
    return not keys[1] or (kind < keys[1] and f"{kind}~" >= keys[0])


def _etag(row: TableEntity) -> str:
    return str(row.metadata["etag"])
