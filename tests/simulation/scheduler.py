"""Runs the real, unmodified application coroutines one I/O at a time, in an order that a seed decides.

Every port call yields to the scheduler before and after it acts, so any two handlers interleave at any I/O boundary,
and any of them can crash before or after any I/O. Time is virtual.
"""

import random
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shared.application.errors import PlatformErrored, PlatformOutcomeUnknown, TransientFault
from tests.fakes.clock import FakeClock


class Crash(BaseException):
    """The process died; nothing after this point runs."""


class Pause:
    """Gives the turn back to the scheduler."""

    def __await__(self) -> Generator[None, None, None]:
        yield


@dataclass(eq=False)
class Task:
    """A handler under way. `done` is told how it ended: None, or the exception."""

    name: str
    coroutine: Coroutine[Any, Any, Any]
    started: datetime
    done: Callable[[BaseException | None], None]


@dataclass(order=True)
class Timer:
    """Something that happens at a time."""

    at: datetime
    number: int
    action: Callable[[], None] = field(compare=False)


@dataclass
class FaultRates:
    """Probability of each fault per port call, in percent. A swarm: each seed switches on a random half."""

    crash_before: float = 0
    crash_after: float = 0
    transient: float = 0
    answer_lost: float = 0
    put_unknown: float = 0
    lost_lock: float = 0
    lost_message: float = 0

    @classmethod
    def swarm(cls, rng: random.Random) -> "FaultRates":
        def rate() -> float:
            return rng.choice((1.0, 3.0, 8.0)) if rng.random() < 0.5 else 0.0

        return cls(rate(), rate(), rate(), rate(), rate() * 5, rate(), rate())


#: A handler may be frozen no longer than a request may be in flight: `settle_quiet_s` rests on this bound.
FROZEN_MAX = timedelta(seconds=100)


class Scheduler:
    """Tasks, timers and faults under one seed."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.clock = FakeClock()
        self.rates = FaultRates.swarm(self.rng)
        self.tasks: list[Task] = []
        self.timers: list[Timer] = []
        self.steps = 0
        self._numbers = 0

    def at(self, delay_s: float, action: Callable[[], None]) -> None:
        """Runs `action` after `delay_s` seconds of virtual time."""
        self._numbers += 1
        self.timers.append(Timer(self.clock.now() + timedelta(seconds=delay_s), self._numbers, action))

    def start(
        self, name: str, coroutine: Coroutine[Any, Any, Any], done: Callable[[BaseException | None], None]
    ) -> None:
        self.tasks.append(Task(name, coroutine, self.clock.now(), done))

    def step(self) -> bool:
        """One I/O of one task, or the next timer; False when nothing is left to do."""
        self.steps += 1
        overdue = [task for task in self.tasks if self.clock.now() - task.started > FROZEN_MAX]
        if overdue:
            self._resume(overdue[0])
        elif self.tasks and (not self.timers or self.rng.random() < 0.98):
            self._resume(self.rng.choice(self.tasks))
        elif self.timers:
            self._fire()
        else:
            return False
        return True

    def _fire(self) -> None:
        timer = min(self.timers)
        latest = min((task.started + FROZEN_MAX for task in self.tasks), default=timer.at)
        if timer.at > latest:  # first let the frozen tasks wake up
            self.clock.time = max(self.clock.now(), latest + timedelta(microseconds=1))
            return
        self.timers.remove(timer)
        self.clock.time = max(self.clock.now(), timer.at)
        timer.action()

    def _resume(self, task: Task) -> None:
        try:
            task.coroutine.send(None)
        except StopIteration:
            self._end(task, None)
        except (Crash, TransientFault) as error:
            self._end(task, error)

    def _end(self, task: Task, error: BaseException | None) -> None:
        self.tasks.remove(task)
        task.coroutine.close()
        task.done(error)

    def hit(self, rate_pct: float) -> bool:
        return rate_pct > 0 and self.rng.random() * 100 < rate_pct

    def faulty(self, port: Any) -> "FaultyPort":
        """The port, with a scheduling point and a chance of every fault around each call."""
        return FaultyPort(port, self)


class FaultyPort:
    """Stands in for any port."""

    def __init__(self, port: Any, scheduler: Scheduler) -> None:
        self._port = port
        self._scheduler = scheduler

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            scheduler, rates = self._scheduler, self._scheduler.rates
            await Pause()
            if scheduler.hit(rates.crash_before):
                raise Crash(f"before {name}")
            if scheduler.hit(rates.transient):
                raise self._error(name)
            if name == "put_deployment" and scheduler.hit(rates.put_unknown):
                await self._put_with_unknown_outcome(*args)
            result = await method(*args, **kwargs)
            await Pause()
            if scheduler.hit(rates.crash_after):
                raise Crash(f"after {name}")
            if scheduler.hit(rates.answer_lost) and name != "put_deployment":
                raise self._error(name)
            return result

        return call

    def _error(self, name: str) -> Exception:
        if name in PLATFORM_CALLS:
            return PlatformErrored(f"{name} did not answer")
        return TransientFault(f"{name} did not answer")

    async def _put_with_unknown_outcome(self, place: Any, spec: Any) -> None:
        """The request is applied at once, later (within the time a request can be in flight), or never."""
        scheduler = self._scheduler
        when = scheduler.rng.choice(("now", "later", "never"))
        if when == "now":
            await self._port.put_deployment(place, spec)
        elif when == "later":
            scheduler.at(scheduler.rng.uniform(1, 60), lambda: self._port.apply_put(place, spec))
        raise PlatformOutcomeUnknown("no answer to the change")


PLATFORM_CALLS = frozenset(
    {
        "get_model",
        "promote_model",
        "promote_environment",
        "get_deployment",
        "put_deployment",
        "invoke",
        "get_job",
        "cancel_job",
    }
)
