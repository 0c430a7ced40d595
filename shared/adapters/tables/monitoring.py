"""ProposalStore on Azure Tables: `proposals|<quarter>` holds one row per circuit."""

import contextlib
from collections.abc import Sequence

from shared.adapters.tables.access import Table, Unsettled, etag_of
from shared.adapters.tables.rows import PROPOSALS, Row, insert, join_text, replace, split_text
from shared.application.errors import ConcurrentUpdate
from shared.contracts.stored.routines import dump, load
from shared.domain.routines.cutoff import Proposal


class TableProposalStore:
    """The key is circuit and quarter, so that the table itself refuses a second proposal."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def claim(self, proposal: Proposal) -> Proposal:
        """The proposal, or the one that is there."""
        row = _row_of(proposal)
        try:
            await self._table.write(insert(row))
        except Unsettled:
            there = await self._table.get(row["PartitionKey"], row["RowKey"])
            if there is None:
                raise
            return _proposal_of(there)
        return proposal

    async def save(self, proposal: Proposal, before: Proposal) -> None:
        """A write that got no clear answer is read back."""
        row = _row_of(proposal)
        there = await self._table.get(row["PartitionKey"], row["RowKey"])
        if there and _proposal_of(there) == before:
            with contextlib.suppress(Unsettled):  # reading back says what happened
                await self._table.write(replace(row, etag_of(there)))
            there = await self._table.get(row["PartitionKey"], row["RowKey"])
        if there is None or _proposal_of(there) != proposal:
            raise ConcurrentUpdate(f"the proposal for {proposal.circuit} changed since it was read")

    async def of(self, periods: Sequence[str]) -> list[Proposal]:
        """By quarter, then by circuit."""
        return [_proposal_of(row) for period in periods for row in await self._table.query(f"{PROPOSALS}|{period}")]


def _row_of(proposal: Proposal) -> Row:
    return {
        "PartitionKey": f"{PROPOSALS}|{proposal.period}",
        "RowKey": proposal.circuit,
        "state": proposal.state.value,
        **split_text("json", dump(proposal)),
    }


def _proposal_of(row: Row) -> Proposal:
    return load(Proposal, join_text("json", row))
