"""A fact that came in, and whether somebody was to be told of it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, kw_only=True)
class ToldFact:
    """A fact as the topic brings it; `data` are names and texts."""

    fact_id: str
    kind: str
    subject: str
    at: datetime
    data: dict[str, str] = field(default_factory=dict)

    @property
    def release_id(self) -> str:
        """The release that it is about; empty for other facts."""
        first, _, rest = self.subject.partition("/")
        return rest if first == "releases" else ""


class NoticeState(StrEnum):
    """How far a fact is."""

    ACCEPTED = "accepted"
    ROUTED = "routed"  # every message that follows from it is durable
    UNHEARD = "unheard"  # nobody is to be told of it
    GIVEN_UP = "given_up"


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What is kept of a fact. `messages` are the keys of what followed, `note` says why nothing did."""

    key: str
    fact: ToldFact
    accepted_at: datetime
    state: NoticeState = NoticeState.ACCEPTED
    messages: tuple[str, ...] = ()
    note: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it has to be looked at still."""
        return self.state is NoticeState.ACCEPTED
