"""The evidence that a release keeps, and the words in which notebooks are judged; the rules are in `evidence`."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Quality(StrEnum):
    """What a notebook is worth: the first column of the approval decision matrix."""

    COMPLETE = "complete notebook with successful scoring"
    INCONCLUSIVE = "notebook that cannot be judged"
    INCOMPLETE = "incomplete notebook"
    MISSING = "no notebook"
    WITH_ERRORS = "notebook with errors"


class Advice(StrEnum):
    """What the matrix says to the people who decide."""

    APPROVE = "approve"
    NEEDS_PERSON = "needs a person"
    REJECT = "reject"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One rule, whether it holds, and why in words."""

    rule: str
    holds: bool
    text: str


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The notebook that stands for a release, by the SHA-256 of its bytes (64 hexadecimal digits).

    `reasons` has every rule about the notebook itself; what the tests of all models add is known at each gate.
    """

    sha256: str
    size_bytes: int
    quality: Quality
    reasons: tuple[Reason, ...]
    submitted_by: str
    submitted_by_id: str
    at: datetime
