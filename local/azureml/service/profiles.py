"""How the service behaves when nothing is wrong: how long things take, and how many requests it accepts.

`instant` is the default: tests and demos wait for nothing. `realistic` is for measuring. Its budgets are documented
("Understand how Azure Resource Manager throttles requests": per subscription, caller and kind, 250 reads and 25 more
each second, 200 writes and 10, 200 deletes and 10). Its times are assumptions: Microsoft publishes none for batch
deployments, which start no machine. They are on the short side, because every overhead of a client weighs more
against a short update than against a long one. The pause between polls is the SDK's own
(docs/azure-facts.md#long-running-operations).
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Bucket(BaseModel):
    """A token bucket: how many requests it holds, and how many come back each second."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int = Field(ge=1)
    refill_per_s: float = Field(gt=0)


class Budgets(BaseModel):
    """One bucket per kind of request."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reads: Bucket = Bucket(size=250, refill_per_s=25)
    writes: Bucket = Bucket(size=200, refill_per_s=10)
    deletes: Bucket = Bucket(size=200, refill_per_s=10)


class Profile(BaseModel):
    """Times in seconds; without `budgets` every request is accepted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lro_seconds: float = Field(default=0.2, ge=0)
    lro_spread: float = Field(default=0, ge=0, le=1)  # each operation takes lro_seconds more or less by up to this part
    poll_seconds: float | None = Field(default=None, gt=0)  # what pollers are asked to wait; None: as lro_seconds
    read_seconds: float = Field(default=0, ge=0)
    write_seconds: float = Field(default=0, ge=0)
    budgets: Budgets | None = None
    event_keys: Literal["camelCase", "PascalCase"] = "camelCase"

    @property
    def retry_after_s(self) -> float:
        """Seconds after which a client that polls an operation shall ask again."""
        return self.lro_seconds if self.poll_seconds is None else self.poll_seconds


PROFILES = {
    "instant": Profile(),
    "realistic": Profile(
        lro_seconds=10, lro_spread=0.3, poll_seconds=5, read_seconds=0.1, write_seconds=0.3, budgets=Budgets()
    ),
}
