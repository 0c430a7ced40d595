"""What must hold of freezes (I19): nothing new comes into a frozen circuit, and nothing that goes back ever waits."""

from datetime import datetime, timedelta

from shared.domain.freezes.freeze import Freeze
from shared.domain.release.model import Release
from tests.fakes.clock import FakeClock
from tests.fakes.freezes import MemoryFreezeLog
from tests.simulation.oracle_locks import going_back
from tests.simulation.scheduler import FROZEN_MAX, IN_FLIGHT_MAX_S
from tests.simulation.violation import require

#: A worker asks for freezes right before a change; frozen there, and in flight after, the change lands this much later.
LATEST = FROZEN_MAX + timedelta(seconds=IN_FLIGHT_MAX_S)


class WatchedFreezes(MemoryFreezeLog):
    """Remembers since when each freeze was there for everybody to see."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock
        self._seen_since: dict[str, datetime] = {}

    async def put(self, freeze: Freeze) -> Freeze:
        self._seen_since.setdefault(freeze.freeze_id, self._clock.now())
        return await super().put(freeze)

    def check_change(self, release_id: str, circuit: str) -> None:
        """A forward change lands: its last look must have been before every freeze that stands now."""
        now = self._clock.now()
        for freeze in self.freezes.values():
            since = max(freeze.starts_at, self._seen_since[freeze.freeze_id])
            stands = freeze.lifted_at is None and since + LATEST < now < freeze.ends_at
            where = freeze.scope in ("fleet", circuit, circuit.partition("-")[0])
            require(not (stands and where), f"I19: {release_id} changed {circuit} inside the {freeze}")


def check_not_frozen(release: Release) -> None:
    """Going back waits for no freeze."""
    if going_back(release) and not release.phase.is_terminal:
        waits = release.waiting_on.startswith("freeze of")
        require(not waits, f"I19: {release.release_id} is {release.phase} and waits for the {release.waiting_on}")
