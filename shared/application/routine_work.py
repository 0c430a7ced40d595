"""What one kind of routine does for a task; the order and the repetitions are `routines`' business."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from shared.domain.routines.task import Task


@dataclass(frozen=True, kw_only=True)
class Collected:
    """What a job brought. Not usable: what was wanted is missing, and another try may help. Not conclusive: it is as it
    should be and there is too little to say anything."""

    detail: str
    result: Mapping[str, str | float] = field(default_factory=dict)
    is_usable: bool = True
    is_conclusive: bool = True


class Work(Protocol):
    """One kind of routine."""

    async def without_job(self, task: Task) -> Collected | None:
        """What can be said without any job; None when a job is needed. Raises Platform* errors."""

    async def start(self, task: Task) -> None:
        """Starts the job `task.job_name`; starting it again is fine. Raises Platform* errors."""

    async def collect(self, task: Task) -> Collected:
        """What the completed job brought; collecting again is fine. Raises Platform* errors."""
