"""Jobs of Azure ML as they are seen, and how they end. Azure ML's own words for an ended job are read here only."""

from dataclasses import dataclass
from enum import StrEnum


class JobEnded(StrEnum):
    """How a job that runs no more ended, in Azure ML's words. One that was cancelled, or whose node did not respond,
    says nothing about what it ran."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "canceled"
    NOT_RESPONDING = "notresponding"


_BY_WORD = {end.value: end for end in JobEnded}


def ended(status: str) -> JobEnded | None:
    """The end that a status tells, None while the job goes on. Case and spaces differ between Azure ML's interfaces; a
    word that is not known is no end, so that a deadline and not a guess decides about such a job."""
    return _BY_WORD.get(status.lower().replace(" ", ""))


@dataclass(frozen=True, kw_only=True)
class JobSeen:
    """A job as it was read. `status` is Azure ML's word, `detail` says where to look; `failure` is what the code that
    ran says about its own failure, `error` the last line of its log as Azure ML tells it; empty where nobody says
    anything."""

    status: str
    detail: str = ""
    failure: str = ""
    error: str = ""

    @property
    def end(self) -> JobEnded | None:
        """How it ended; None while it goes on."""
        return ended(self.status)

    def __str__(self) -> str:
        """As people are told."""
        return f"{self.status}, {self.detail}"

    @property
    def told(self) -> str:
        """The same, and first of all why it failed, where that is known."""
        why = self.failure or self.error
        return f"{why}; {self}" if why else str(self)
