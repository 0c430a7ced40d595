"""Daily inference: one batch job per circuit and day, and its predictions where they belong.

See R-INF-1 (every deployment once a day) and R-INF-6 (predictions/<plant>/<circuit>/<date>.parquet).
"""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime

from shared.application.release.ports import Outcomes
from shared.application.routines.ports import Collected, RoutinePorts, TaskStore
from shared.domain.routines.task import EndKind, Routine, Task, days_of


class Inference:
    """Work of the routine `inference`."""

    def __init__(self, ports: RoutinePorts) -> None:
        self._ports = ports

    async def without_job(self, task: Task) -> Collected | None:
        """A day always needs a job."""
        return None

    async def start(self, task: Task) -> None:
        """Invokes the deployment by its name."""
        await self._ports.platform.invoke(
            task.job_name, task.endpoint_name, task.deployment_name, self._ports.config.fleet().input_uri
        )

    async def collect(self, task: Task) -> Collected:
        """Publishes the day's predictions. A job without any says that the sensor has no usable rows of that day."""
        day = days_of(Routine.INFERENCE, task.period)[0]
        path = await self._ports.platform.publish(task.job_name, task.plant_id, task.circuit_id, day)
        if path is None:
            detail = f"job {task.job_name} made no predictions for {day}: the table has no usable rows of that day"
            return Collected(detail=detail, is_usable=False)
        return Collected(detail=f"predictions are at {path}", result={"output": path})


class RecordedOutcomes:
    """BatchOutcomes from the recorded daily inference."""

    def __init__(self, tasks: TaskStore) -> None:
        self._tasks = tasks

    async def since(self, circuits: Collection[str], since: datetime) -> Mapping[str, Outcomes]:
        """One read of the ends since then."""
        ended = Counter((circuit, end.kind) for circuit, end in await self._tasks.ended_since(Routine.INFERENCE, since))
        return {
            circuit: Outcomes(succeeded=ended[circuit, EndKind.COMPLETED], failed=ended[circuit, EndKind.FAILED])
            for circuit in circuits
        }
