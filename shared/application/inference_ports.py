"""What daily inference needs from the outside, each as narrow as its callers. All times are UTC and aware.

Every method that talks to the outside may raise TransientFault, those about Azure ML the Platform* errors of `errors`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """How many production batch jobs of one circuit ended well, and how many did not."""

    succeeded: int = 0
    failed: int = 0


class BatchOutcomes(Protocol):
    """How production's batch jobs went, from the recorded daily inference."""

    async def since(self, circuits: Collection[str], since: datetime) -> Mapping[str, Outcomes]:
        """The jobs that ended at `since` or later, by circuit key ("P001-C001"); a try that was repeated counts by
        itself. Every asked circuit has an entry, one without any ended job an empty one."""
