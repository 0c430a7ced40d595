"""ProposalStore on Azure Tables: `proposals|<quarter>` holds one row per circuit."""

from collections.abc import Sequence

from shared.adapters.tables.access import Table
from shared.adapters.tables.reading import listed_rows, reading, row_id
from shared.adapters.tables.rows import PROPOSALS, Row, join_text, split_text
from shared.adapters.tables.writes import create_row, update_row
from shared.application.errors import ConcurrentUpdate
from shared.application.listed import Listed
from shared.contracts.stored.routines import PROPOSAL
from shared.domain.routines.cutoff import Proposal


class TableProposalStore:
    """The key is circuit and quarter, so that the table itself refuses a second proposal."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def claim(self, proposal: Proposal) -> Proposal:
        """The proposal, or the one that is there."""
        return _proposal_of(await create_row(self._table, _row_of(proposal)))

    async def save(self, proposal: Proposal, before: Proposal) -> None:
        """A row with the same content is this call's own write."""

        def columns(row: Row) -> Row | None:
            there = _proposal_of(row) if row else None
            if there not in (proposal, before):
                raise ConcurrentUpdate(f"the proposal for {proposal.circuit} changed since it was read")
            return None if there == proposal else _row_of(proposal)

        await update_row(self._table, _partition(proposal.period), proposal.circuit, columns)

    async def of(self, periods: Sequence[str]) -> Listed[Proposal]:
        """By quarter, then by circuit."""
        return listed_rows([row for each in periods for row in await self._table.query(_partition(each))], _proposal_of)


def _partition(period: str) -> str:
    return f"{PROPOSALS}|{period}"


def _row_of(proposal: Proposal) -> Row:
    return {
        "PartitionKey": _partition(proposal.period),
        "RowKey": proposal.circuit,
        "state": proposal.state.value,
        **split_text("json", PROPOSAL.dump(proposal)),
    }


def _proposal_of(row: Row) -> Proposal:
    with reading(f"the proposal for {row_id(row)}"):
        return PROPOSAL.load(join_text("json", row))
