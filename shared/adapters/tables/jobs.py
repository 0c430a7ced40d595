"""TestJobs on Azure Tables, all in the partition `jobs`.

`claim|<release id>|<serial>`  the right to start the one test job of a step (I14); of many, `|<part>` follows
`job|<name>`                   the release a job belongs to, written in one transaction with the claim's completion
"""

import uuid
from datetime import datetime

from shared.adapters.tables.access import Table, etag_of
from shared.adapters.tables.rows import JOBS, Row, check_release_id, delete, hashed, plain_key, put_index, time_text
from shared.adapters.tables.writes import create_row, update_row
from shared.application.release.ports import TestClaim


class TableTestJobs:
    """A claim carries a unique `op_id`: reading it back shows whether the claim is this call's own."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def claim(self, release_id: str, serial: int, now: datetime, part: str = "") -> TestClaim:
        """Claims the start, or returns the claim that is there."""
        op_id = uuid.uuid4().hex
        row = {
            "PartitionKey": JOBS,
            "RowKey": _claim_key(release_id, serial, part),
            "release_id": release_id,
            "serial": serial,
            "claimed_at": time_text(now),
            "job_name": "",
            "op_id": op_id,
        }
        there = await create_row(self._table, row)
        return TestClaim(
            is_new=there["op_id"] == op_id,
            claimed_at=datetime.fromisoformat(str(there["claimed_at"])),
            job_name=str(there["job_name"]),
        )

    async def record(self, release_id: str, serial: int, job_name: str, part: str = "") -> None:
        """Completes the claim. Raises LookupError when the start was never claimed."""

        def columns(claim: Row) -> Row | None:
            if not claim:
                raise LookupError(f"release {release_id} never claimed the test job of step {serial}: claim it first")
            return None if claim["job_name"] == job_name else {**claim, "job_name": job_name}

        job: Row = {"PartitionKey": JOBS, "RowKey": _job_key(job_name), "release_id": release_id}
        await update_row(self._table, JOBS, _claim_key(release_id, serial, part), columns, put_index(job))

    async def give_back(self, release_id: str, serial: int, claim: TestClaim, part: str = "") -> None:
        """Ends a claim under which no job was started."""
        row = await self._table.get(JOBS, _claim_key(release_id, serial, part))
        if row is None or row["job_name"] or row["claimed_at"] != time_text(claim.claimed_at):
            return
        await self._table.write(delete(row, etag_of(row)))

    async def release_of(self, job_name: str) -> str | None:
        """The release a job belongs to."""
        row = await self._table.get(JOBS, _job_key(job_name))
        return str(row["release_id"]) if row else None


def _claim_key(release_id: str, serial: int, part: str) -> str:
    own = f"claim|{check_release_id(release_id)}|{serial:06}"
    return f"{own}|{plain_key(part)}" if part else own


def _job_key(job_name: str) -> str:
    return f"job|{hashed(job_name)}"
