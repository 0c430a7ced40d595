"""How a job of Azure ML ended, by Azure ML's own word for its status."""

from enum import StrEnum


class JobEnded(StrEnum):
    """The words for a job that runs no more. One that was canceled, or whose node did not respond, says nothing about
    what it ran."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    NOT_RESPONDING = "notresponding"


_BY_WORD = {end.value: end for end in JobEnded}


def ended(status: str) -> JobEnded | None:
    """The end that a status tells, None while the job goes on. Case and spaces differ between Azure ML's interfaces."""
    return _BY_WORD.get(status.lower().replace(" ", ""))
