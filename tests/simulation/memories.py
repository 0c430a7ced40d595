"""What processes remember of releases: several beside each other, none of which hears of what the others do."""

import random
from collections import deque
from collections.abc import Collection

from shared.application.release.ports import Stored
from shared.domain.records import replace

#: How often, of a hundred times, a process remembers what is the latest, and how often nothing.
LATEST_PCT, NOTHING_PCT = 60, 15
#: How often it has not heard that a command was sent, because another process sent it.
UNHEARD_PCT = 10


class Memories:
    """The latest versions of each release that anybody has seen, and one of them for whoever asks."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._seen: dict[str, deque[Stored]] = {}

    def keep(self, stored: Stored) -> None:
        """Somebody has read it or made it."""
        self._seen.setdefault(stored.release.release_id, deque(maxlen=3)).append(stored)

    def forget(self, release_id: str, command_ids: Collection[str]) -> None:
        """Commands were sent, of which mostly those know who remember the release."""
        seen = self._seen.get(release_id, deque())
        for number, stored in enumerate(seen):
            if self._rng.random() * 100 >= UNHEARD_PCT:
                unsent = tuple(each for each in stored.unsent if each.command_id not in command_ids)
                seen[number] = replace(stored, unsent=unsent)

    def of(self, release_id: str) -> Stored | None:
        """Mostly as it is; sometimes as it was commits ago, or with commands that others have sent since."""
        seen = self._seen.get(release_id)
        dice = self._rng.random() * 100
        if not seen or dice < NOTHING_PCT:
            return None
        return seen[-1] if dice < NOTHING_PCT + LATEST_PCT else self._rng.choice(seen)
