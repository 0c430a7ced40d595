"""FreezeLog in memory."""

from datetime import datetime

from shared.domain.freezes.freeze import Freeze


class MemoryFreezeLog:
    """Freezes by id."""

    def __init__(self) -> None:
        self.freezes: dict[str, Freeze] = {}

    async def put(self, freeze: Freeze) -> Freeze:
        return self.freezes.setdefault(freeze.freeze_id, freeze)

    async def lift(self, lifted: Freeze) -> Freeze:
        if self.freezes[lifted.freeze_id].lifted_at is None:
            self.freezes[lifted.freeze_id] = lifted
        return self.freezes[lifted.freeze_id]

    async def not_ended(self, now: datetime) -> list[Freeze]:
        listed = [freeze for freeze in self.freezes.values() if freeze.ends_at > now]
        return sorted(listed, key=lambda freeze: (freeze.ends_at, freeze.freeze_id))
