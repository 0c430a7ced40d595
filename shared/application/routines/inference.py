"""Daily inference: one batch job per circuit and day, and its predictions where they belong.

See R-INF-1 (every deployment once a day) and R-INF-6 (predictions/<plant>/<circuit>/<date>.parquet).
"""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import date, datetime

from shared.application.job_output import output_of_circuit
from shared.application.platform_ports import Place
from shared.application.release.ports import Outcomes
from shared.application.routines.model_tags import model_tags
from shared.application.routines.ports import Collected, RoutinePorts, TaskStore
from shared.domain.predictions import Judged, PredictionQuality
from shared.domain.routines.task import EndKind, Routine, Task, days_of

_KINDS = {PredictionQuality.BAD: EndKind.BAD_OUTPUT, PredictionQuality.UNCLEAR: EndKind.NO_OUTPUT}


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
        """Publishes the day's predictions if they are of use; what is not stays where the job left it, for people."""
        day = days_of(Routine.INFERENCE, task.period)[0]
        output = await self._output(task, day)
        if output.quality is not PredictionQuality.GOOD:
            return Collected(detail=f"job {task.job_name}: {output.told}", kind=_KINDS[output.quality])
        path = await self._ports.platform.publish(task.job_name, task.plant_id, task.circuit_id, day)
        if path is None:
            return Collected(detail=f"job {task.job_name}: its predictions are gone", kind=EndKind.NO_OUTPUT)
        return Collected(detail=f"predictions are at {path}: {output.told}", result={"output": path})

    async def _output(self, task: Task, day: date) -> Judged:
        models, circuit = self._ports.models, (task.plant_id, task.circuit_id)
        tags = await model_tags(task, models)
        return await output_of_circuit(models, Place.PRODUCTION, task.job_name, circuit, tags=tags, day=day)


class RecordedOutcomes:
    """BatchOutcomes from the recorded daily inference."""

    def __init__(self, tasks: TaskStore) -> None:
        self._tasks = tasks

    async def since(self, circuits: Collection[str], since: datetime) -> Mapping[str, Outcomes]:
        """One read of the ends since then."""
        ended = Counter((circuit, end.kind) for circuit, end in await self._tasks.ended_since(Routine.INFERENCE, since))
        return {
            circuit: Outcomes(
                succeeded=ended[circuit, EndKind.COMPLETED],
                failed=ended[circuit, EndKind.FAILED] + ended[circuit, EndKind.BAD_OUTPUT],
                unclear=ended[circuit, EndKind.NO_OUTPUT],
            )
            for circuit in circuits
        }
