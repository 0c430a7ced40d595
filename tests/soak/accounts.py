"""What was asked for, what was acknowledged, and what was found in the end: the oracle of the soak."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field


@dataclass
class Account:
    """One kind of thing a client asks a part for, by id.

    `collect` finds those that exist: it may be called again and again while things still arrive. What is acknowledged
    must be found; what is found must have been asked for. In between is what was asked for without an answer.
    """

    name: str
    part: str
    collect: Callable[[], Iterable[str]]
    asked: set[str] = field(default_factory=set)
    acknowledged: set[str] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)
    """Other promises that were not kept, in words."""

    def lost(self) -> set[str]:
        return self.acknowledged - set(self.collect())

    def invented(self) -> set[str]:
        return set(self.collect()) - self.asked

    def problems(self) -> list[str]:
        """Everything that must not be, in words."""
        found = [f"{self.name}: {what}" for what in self.broken]
        for kind, ids in (("lost", self.lost()), ("invented", self.invented())):
            if ids:
                found.append(f"{self.name}: {len(ids)} {kind}, such as {sorted(ids)[:5]}")
        return found


@dataclass
class Worker:
    """A client that does one thing over and over: `step`, and `recover` after one that failed."""

    name: str
    step: Callable[[], None]
    recover: Callable[[], None] = lambda: None
    pause_s: float = 0.02
    failures: Counter[str] = field(default_factory=Counter)


class Load:
    """Workers that do one kind of thing to the cloud, and the accounts they keep."""

    accounts: list[Account]
    workers: list[Worker]

    def prepare(self) -> None:
        """Make what the workers need, once, before anything is killed."""


class Crew:
    """Workers, each in a thread of its own."""

    AFTER_FAILURE_S = 0.1

    def __init__(self, workers: Sequence[Worker]) -> None:
        self.workers = workers
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(worker,), name=worker.name, daemon=True) for worker in workers
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, patience_s: float = 60) -> list[str]:
        """Let every worker finish its step; the names of those that hang."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(patience_s)
        return [thread.name for thread in self._threads if thread.is_alive()]

    def _run(self, worker: Worker) -> None:
        while not self._stopping.is_set():
            try:
                worker.step()
            except Exception as error:  # a part was killed: whatever a client makes of it, nothing was acknowledged
                worker.failures[type(error).__name__] += 1
                worker.recover()
                self._stopping.wait(self.AFTER_FAILURE_S)
            self._stopping.wait(worker.pause_s)
