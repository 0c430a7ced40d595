"""How tasks, the ends of their jobs, and proposals are kept."""

from typing import TypeVar

from shared.contracts.stored.form import StoredForm
from shared.domain.routines.cutoff import Proposal
from shared.domain.routines.task import JobEnd, Task

T = TypeVar("T", Task, JobEnd, Proposal)


def _form(what: str, kind: type[T]) -> StoredForm[T]:
    """These were first kept as `{"v": 1, "data": {...}}`."""
    now = {"v": "schema_v", "data": what}
    return StoredForm(what, kind, upgraded=lambda outer: {now.get(key, key): value for key, value in outer.items()})


TASK = _form("task", Task)
JOB_END = _form("job_end", JobEnd)
PROPOSAL = _form("proposal", Proposal)
