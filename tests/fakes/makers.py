"""MakerRecords in memory: who made what the app registered."""

from collections.abc import Mapping

from shared.domain.makers import Account


class MemoryMakerRecords:
    """Nothing was made by the app but what the test puts into `made`, by name and version."""

    def __init__(self) -> None:
        self.made: dict[tuple[str, str], tuple[Account, ...]] = {}

    async def makers_of(self, name: str, version: str, tags: Mapping[str, str]) -> tuple[Account, ...] | None:
        return self.made.get((name, version))
