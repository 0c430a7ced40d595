"""What goes wrong on purpose, by channel; all off unless asked for, and off again after a restart."""

from __future__ import annotations

import random
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Channel = Literal["mail", "teams", "webhook"]


class Fault(BaseModel):
    """The next `times` requests of a channel, or of one `recipient` of it, answer with `status` after `delay_s`.

    `fail_pct` is the chance of each. With `takes` the message is kept all the same, and its sender cannot know. A
    `bounce` is taken and reported as not delivered, which only mail can be.
    """

    model_config = ConfigDict(extra="forbid")

    channel: Channel
    recipient: str = ""
    status: int = Field(default=0, ge=0, le=599)  # 0 answers as always
    retry_after_s: int | None = Field(default=None, ge=0)
    delay_s: float = Field(default=0, ge=0, le=300)
    times: int = Field(default=1, ge=1, le=1_000_000)
    fail_pct: float = Field(default=100, ge=0, le=100)
    takes: bool = False
    bounce: bool = False
    seed: int | None = None


class Faults:
    """Those that are left."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._random = random.Random()  # nosec B311 # faults, not secrets

    def add(self, fault: Fault) -> None:
        if fault.seed is not None:
            self._random.seed(fault.seed)
        self._faults.append(fault)

    def clear(self) -> None:
        self._faults.clear()

    def next_of(self, channel: str, recipient: str) -> Fault | None:
        """The fault that this request meets."""
        for fault in self._faults:
            if fault.channel == channel and fault.recipient in ("", recipient):
                fault.times -= 1
                if not fault.times:
                    self._faults.remove(fault)
                return fault if self._random.random() * 100 < fault.fail_pct else None
        return None
