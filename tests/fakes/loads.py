"""LoadPlatform in memory."""

from dataclasses import dataclass, field

from shared.application.errors import PlatformErrored, PlatformRefused
from shared.application.etl.load import LoadPlan
from shared.domain.etl.load import LoadSummary
from shared.domain.job_ends import JobSeen


@dataclass
class MemoryLoadPlatform:
    """Jobs wait until a test ends them; `broken` has every call fail."""

    submitted: dict[str, LoadPlan] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    summaries: dict[str, LoadSummary] = field(default_factory=dict)
    broken: bool = False

    async def submit(self, job_name: str, plan: LoadPlan) -> None:
        self._check()
        if job_name not in self.submitted:
            self.submitted[job_name] = plan
            self.statuses[job_name] = "Queued"

    async def get_job(self, job_name: str) -> JobSeen | None:
        self._check()
        status = self.statuses.get(job_name)
        return JobSeen(status=status, detail=f"see {job_name}") if status else None

    async def summary(self, job_name: str) -> LoadSummary:
        self._check()
        if job_name not in self.summaries:
            raise PlatformRefused(f"load {job_name} left no report")
        return self.summaries[job_name]

    def end(self, job_name: str, status: str = "Completed", summary: LoadSummary | None = None) -> None:
        """What became of a job; one without a summary left no report."""
        self.statuses[job_name] = status
        if summary is not None:
            self.summaries[job_name] = summary

    def _check(self) -> None:
        if self.broken:
            raise PlatformErrored("the service does not answer")
