"""How far one period of a routine is, as people are told."""

from dataclasses import dataclass
from datetime import datetime

from shared.domain.routine import Routine, Task, TaskLimits


@dataclass(frozen=True, kw_only=True)
class PeriodReport:
    """One period of a routine; `period` is empty before the first one. `without_task` are circuits of the configuration
    that production does not run, or that nobody made a task for."""

    routine: Routine
    period: str
    tasks: tuple[Task, ...]
    without_task: tuple[str, ...]
    limits: TaskLimits
    now: datetime
