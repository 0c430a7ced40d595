"""Azure Resource Manager in front of the service: how long it takes to pass a request on, and how many it passes on.

"Understand how Azure Resource Manager throttles requests": a token bucket per subscription, caller and kind of request;
what is left stands in a header of every answer; an empty bucket answers 429 with Retry-After.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass

from local.azureml.service.clock import CLOCK
from local.azureml.service.errors import ArmError
from local.azureml.service.profiles import Bucket, Profile

#: Requests below it go through Azure Resource Manager; registry, scoring and discovery have hosts of their own.
_ARM = "/subscriptions/"

_KINDS = {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}


@dataclass
class _Level:
    tokens: float
    at: float


class Throttle:
    """The buckets of all callers, full at first. `clock` gives seconds that only grow."""

    def __init__(self, clock: Callable[[], float] = CLOCK.monotonic) -> None:
        self._clock = clock
        self._levels: dict[tuple[str, str], _Level] = {}

    def clear(self) -> None:
        """Every bucket is full again."""
        self._levels.clear()

    async def admit(self, profile: Profile, caller: str, method: str, path: str) -> dict[str, str]:
        """Wait for the latency of the profile; returns the headers of the answer. Raises `ArmError` 429."""
        if not path.startswith(_ARM):
            return {}
        kind = _KINDS.get(method, "writes")
        headers = self._take(profile, caller, kind) if profile.budgets else {}
        await asyncio.sleep(profile.read_seconds if kind == "reads" else profile.write_seconds)
        return headers

    def _take(self, profile: Profile, caller: str, kind: str) -> dict[str, str]:
        bucket: Bucket = getattr(profile.budgets, kind)
        now = self._clock()
        level = self._levels.setdefault((caller, kind), _Level(bucket.size, now))
        level.tokens = min(bucket.size, level.tokens + (now - level.at) * bucket.refill_per_s)
        level.at = now
        header = f"x-ms-ratelimit-remaining-subscription-{kind}"
        if level.tokens < 1:
            wait_s = math.ceil((1 - level.tokens) / bucket.refill_per_s)
            raise ArmError(
                429,
                "SubscriptionRequestsThrottled",
                f"The number of {kind} of this caller is exceeded. Try again after {wait_s} seconds.",
                headers={"Retry-After": str(wait_s), header: "0"},
            )
        level.tokens -= 1
        return {header: str(int(level.tokens))}
