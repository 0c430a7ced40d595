"""What people ask about routines: how far a period is, what is missing or late, what was measured."""

from collections.abc import Sequence

from shared.application.listed import Listed
from shared.application.routines.ports import RoutinePorts
from shared.domain.routines.cutoff import Proposal
from shared.domain.routines.task import PeriodReport, Routine, Task, days_of


async def read_period(routine: Routine, period: str, ports: RoutinePorts) -> PeriodReport:
    """A period, the last one when none is named. Raises InvalidRequest for what is no period."""
    if period:
        days_of(routine, period)
    period = period or await ports.tasks.latest(routine) or ""
    tasks = await ports.tasks.of(routine, period) if period else Listed[Task]()
    known = {task.circuit for task in tasks} | {each.record_id for each in tasks.unreadable}
    return PeriodReport(
        routine=routine,
        period=period,
        tasks=tuple(tasks),
        unreadable={each.record_id: each.reason for each in tasks.unreadable},
        without_task=tuple(each for each in ports.config.fleet().circuits if each not in known) if period else (),
        limits=ports.policy.limits[routine],
        now=ports.clock.now(),
    )


async def read_proposals(quarters: Sequence[str], ports: RoutinePorts) -> Listed[Proposal]:
    """Changes that were proposed because of these quarters' drift."""
    return await ports.proposals.of([quarter for quarter in quarters if quarter])
