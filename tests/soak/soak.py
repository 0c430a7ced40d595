"""Kills under load and what has to hold afterwards."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from local.supervisor.cloud import LocalCloud
from tests.soak.accounts import Account, Crew

PROGRESS_S = 90.0
"""After a restart a part must have acknowledged LEAST_ACKNOWLEDGED calls within this time."""
LEAST_ACKNOWLEDGED = 10
"""Before it is killed, so that every kill hits a part at work."""
SETTLE_S = 180.0
LOOK_S = 0.2


class Stuck(RuntimeError):
    """A part came back and acknowledged nothing more."""


@dataclass
class Soak:
    """One run: the cloud, who works on it, and how long restarts took."""

    cloud: LocalCloud
    parts: Sequence[str]
    accounts: Sequence[Account]
    crew: Crew
    say: Callable[[str], None]
    restarts: dict[str, list[float]] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)

    def run(self, kills: int, seed: int) -> list[str]:
        """Kill, settle, compare; returns what must not be."""
        self.crew.start()
        self.restarts = {part: [] for part in self.parts}
        floor = dict.fromkeys(self.parts, 0)
        for number, part in enumerate(turns(self.parts, kills, seed), start=1):
            self._wait_for_progress(part, floor[part])
            floor[part] = self._acknowledged(part)
            self.cloud.kill(part)
            began = time.monotonic()
            self.cloud.start_part(part)
            self.restarts[part].append(time.monotonic() - began)
            self._tell(number, kills, part)
        for part in self.parts:  # those that were killed last have to work again, too
            self._wait_for_progress(part, floor[part])
        problems = [f"client '{name}' hangs" for name in self.crew.stop()]
        self.cloud.wait_healthy()
        self._settle()
        return problems + [problem for account in self.accounts for problem in account.problems()]

    def summary(self) -> str:
        """One line per account and per part."""
        lines = [f"{'':<24}{'part':<12}{'asked':>8}{'acknowledged':>14}{'lost':>6}{'invented':>10}"]
        for account in self.accounts:
            counts = f"{len(account.asked):>8}{len(account.acknowledged):>14}"
            found = f"{len(account.lost()):>6}{len(account.invented()):>10}"
            lines.append(f"{account.name:<24}{account.part:<12}{counts}{found}")
        lines.append("")
        for part, taken in self.restarts.items():
            slowest = f", slowest restart {max(taken):.1f} s" if taken else ""
            lines.append(f"{part:<12}{len(taken):>4} kills{slowest}")
        failures = [f"{worker.name} {sum(worker.failures.values())}" for worker in self.crew.workers]
        lines.append(f"failed calls of clients: {', '.join(failures)}")
        return "\n".join(lines)

    def _acknowledged(self, part: str) -> int:
        return sum(len(account.acknowledged) for account in self.accounts if account.part == part)

    def _wait_for_progress(self, part: str, floor: int) -> None:
        end = time.monotonic() + PROGRESS_S
        while self._acknowledged(part) < floor + LEAST_ACKNOWLEDGED:
            if time.monotonic() > end:
                raise Stuck(f"{part} acknowledged too little for {PROGRESS_S:g} s; see {self.cloud.log(part)}")
            time.sleep(LOOK_S)

    def _settle(self) -> None:
        """Let what is under way arrive; what is missing at the end of the time is lost."""
        end, told = time.monotonic() + SETTLE_S, ""
        while missing := ", ".join(account.name for account in self.accounts if account.lost()):
            if missing != told:
                self.say(f"waiting for {missing}")
                told = missing
            if time.monotonic() > end:
                return
            time.sleep(LOOK_S)

    def _tell(self, number: int, kills: int, part: str) -> None:
        total = sum(len(account.acknowledged) for account in self.accounts)
        passed = time.monotonic() - self.began
        back = self.restarts[part][-1]
        self.say(f"[{number:>3}/{kills}] {passed:>5.0f} s  {part:<11} back after {back:.1f} s, {total} acknowledged")


def turns(parts: Sequence[str], kills: int, seed: int) -> list[str]:
    """Which part is killed when: all of them in every round, in an order of its own."""
    order = random.Random(seed)
    found: list[str] = []
    while len(found) < kills:
        found += order.sample(parts, len(parts))
    return found[:kills]
