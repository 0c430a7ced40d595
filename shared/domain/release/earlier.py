"""What a release knows of the attempts of its version before it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class EarlierAttempt:
    """An attempt that ended: in which phase, when and why, and what people had decided by then.

    `rolled_back` is why production went back from it; empty when it did not.
    """

    release_id: str
    phase: str
    ended_at: datetime
    reason: str
    decisions: tuple[str, ...] = ()
    rolled_back: str = ""
