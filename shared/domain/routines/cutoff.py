"""The change that high drift calls for: a later cutoff date in the circuit's file, and nothing else.

The file is changed as text, so that comments and order stay and the diff is one line. See R-MON-9.
"""

import difflib
import re
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from shared.domain.errors import Conflict

_CUTOFF = re.compile(r"""^(?P<before>[ ]+cutoff_date:[ ]*)(?P<quote>["']?)(?P<day>\d{4}-\d{2}-\d{2})(?P=quote)""", re.M)


class ProposalState(StrEnum):
    """What became of a change."""

    PLANNED = "planned"  # on its way to source control
    DRY_RUN = "dry_run"  # recorded and shown, nothing was sent
    OPENED = "opened"  # there is a pull request
    NOT_NEEDED = "not_needed"  # the file has this cutoff date, or a later one


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A change of one circuit's cutoff date because of the drift of one quarter; there is one of both at most."""

    circuit: str
    period: str
    state: ProposalState
    path: str
    branch: str
    title: str
    body: str
    diff: str
    cutoff_date: date
    proposed_at: datetime
    url: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class ChangedText:
    """A file with its new cutoff date, and the difference as people read it."""

    text: str
    diff: str
    old_cutoff: date


def with_cutoff(text: str, path: str, cutoff: date) -> ChangedText | None:
    """The file with the new date; None when its date is the same or later. Raises Conflict when it has not one date."""
    found = list(_CUTOFF.finditer(text))
    if len(found) != 1:
        raise Conflict(f"{path} has {len(found)} lines with a cutoff_date, not one: change it by hand")
    old = date.fromisoformat(found[0]["day"])
    if old >= cutoff:
        return None
    new = text[: found[0].start("day")] + cutoff.isoformat() + text[found[0].end("day") :]
    lines = difflib.unified_diff(
        text.splitlines(keepends=True), new.splitlines(keepends=True), f"a/{path}", f"b/{path}", n=3
    )
    return ChangedText(text=new, diff="".join(lines), old_cutoff=old)


def branch_of(circuit: str, period: str) -> str:
    """One branch per circuit and quarter: source control itself refuses a second one."""
    return f"drift/{circuit}-{period}".lower()
