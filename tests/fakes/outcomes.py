"""BatchOutcomes in memory."""

from collections.abc import Collection, Mapping
from datetime import datetime

from shared.application.release.ports import Outcomes


class MemoryBatchOutcomes:
    """`ended` holds the jobs that ended, each with circuit, time, and how; a circuit of which it holds none at all is
    predicted for as `others` says."""

    def __init__(self, others: Outcomes | None = None) -> None:
        self.ended: list[tuple[str, datetime, str]] = []
        self.others = others or Outcomes()

    def end(self, circuit: str, at: datetime, *, succeeded: int = 0, failed: int = 0, unclear: int = 0) -> None:
        """So many jobs of the circuit ended at this time."""
        for how, count in (("well", succeeded), ("failed", failed), ("unclear", unclear)):
            self.ended += [(circuit, at, how)] * count

    async def since(self, circuits: Collection[str], since: datetime) -> Mapping[str, Outcomes]:
        found = {}
        for circuit in circuits:
            if all(key != circuit for key, _, _ in self.ended):
                found[circuit] = self.others
                continue
            how = [how for key, at, how in self.ended if key == circuit and at >= since]
            found[circuit] = Outcomes(
                succeeded=how.count("well"), failed=how.count("failed"), unclear=how.count("unclear")
            )
        return found
