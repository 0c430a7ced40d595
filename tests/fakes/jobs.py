"""TestJobs in memory."""

from dataclasses import replace
from datetime import datetime

from shared.application.release.ports import TestClaim


class MemoryTestJobs:
    """Claims by (release, serial), releases by job."""

    def __init__(self) -> None:
        self.claims: dict[tuple[str, int, str], TestClaim] = {}
        self.jobs: dict[str, str] = {}

    async def claim(self, release_id: str, serial: int, now: datetime, part: str = "") -> TestClaim:
        key = (release_id, serial, part)
        if key in self.claims:
            return replace(self.claims[key], is_new=False)
        self.claims[key] = TestClaim(is_new=True, claimed_at=now)
        return self.claims[key]

    async def record(self, release_id: str, serial: int, job_name: str, part: str = "") -> None:
        key = (release_id, serial, part)
        self.claims[key] = replace(self.claims[key], job_name=job_name)
        self.jobs[job_name] = release_id

    async def give_back(self, release_id: str, serial: int, claim: TestClaim, part: str = "") -> None:
        there = self.claims.get((release_id, serial, part))
        if there and not there.job_name and there.claimed_at == claim.claimed_at:
            del self.claims[release_id, serial, part]

    async def release_of(self, job_name: str) -> str | None:
        return self.jobs.get(job_name)
