"""What can be made to go wrong; everything is off until switched on.

Faults live in memory: a restart clears them. Which operation names exist is the list of route names in `../routes.py`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from local.azureml.service.holds import Holds
from local.azureml.service.profiles import Profile

FaultKind = Literal["status", "status_after_commit", "drop_after_commit", "delay", "hold", "lro_failed"]


class Fault(BaseModel):
    """One rule: which requests it hits, how often, and what happens to them."""

    model_config = ConfigDict(extra="forbid")

    operation: str  # route name or pattern: deployment.put, endpoint.*, batch.invoke
    kind: FaultKind
    path: str = ""  # hit only requests whose path contains this
    count: int | None = Field(default=1, ge=1)  # hits left; null for no limit
    probability: float = Field(default=1.0, gt=0, le=1)
    status: int = Field(default=500, ge=400, le=599)
    code: str = "InternalServerError"
    message: str = "Injected by the local cloud's fault control."
    retry_after_s: int | None = Field(default=None, ge=0)
    delay_s: float = Field(default=0, ge=0)


@dataclass
class _Rule:
    fault: Fault
    left: int | None


class Faults:
    """The rules in force, and the requests they hold. A rule that has no hits left is gone."""

    def __init__(self, seed: int = 0) -> None:
        self.profile = Profile()
        self.holds = Holds()
        self._rules: list[_Rule] = []
        self._random = random.Random(seed)  # nosec B311 # faults, not secrets

    def add(self, fault: Fault) -> None:
        self._rules.append(_Rule(fault=fault, left=fault.count))

    def clear(self) -> None:
        """Remove all faults; requests that are held go on."""
        self._rules.clear()
        self.holds.let_go()

    def operation_seconds(self) -> float:
        """How long the next operation takes."""
        seconds, spread = self.profile.lro_seconds, self.profile.lro_spread
        return seconds * (1 + self._random.uniform(-spread, spread)) if spread else seconds

    def active(self) -> list[dict[str, object]]:
        return [{**rule.fault.model_dump(), "left": rule.left} for rule in self._rules]

    def take(self, operation: str, path: str, *kinds: FaultKind) -> Fault | None:
        """The first rule of these kinds that hits the request; using it counts."""
        for rule in self._rules:
            fault = rule.fault
            if (
                fault.kind in kinds
                and fnmatchcase(operation, fault.operation)
                and fault.path in path
                and self._random.random() < fault.probability
            ):
                if rule.left is not None:
                    rule.left -= 1
                    if rule.left == 0:
                        self._rules.remove(rule)
                return fault
        return None
