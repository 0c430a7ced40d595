"""Runs the real, unmodified application coroutines one I/O at a time, in an order that a seed decides.

Every port call yields to the scheduler before and after it acts, so any two handlers interleave at any I/O boundary,
and any of them can crash before or after any I/O. Time is virtual.
"""

import asyncio
import heapq
import random
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, NamedTuple

from shared.application.errors import PlatformErrored, PlatformOutcomeUnknown, PortError, TransientFault
from tests.fakes.clock import FakeClock


class Crash(BaseException):
    """The process died; nothing after this point runs."""


class Pause(tuple[float]):
    """Hands its seconds to the scheduler when it is awaited. There are millions: a tuple's own iterator is the
    quickest, with no function of ours before it."""

    __slots__ = ()
    __await__ = tuple.__iter__


_TURN = Pause((0,))


def pause(seconds: float = 0) -> Pause:
    """Gives the turn back to the scheduler, for at least so many seconds."""
    return Pause((seconds,)) if seconds else _TURN


class Threads(asyncio.AbstractEventLoop):
    """Stands in for the running loop of `asyncio.to_thread`: the work is done at once, after a turn of the others."""

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:  # type: ignore[override]
        return _in_thread(func, *args)


async def _in_thread(func: Callable[..., Any], *args: Any) -> Any:
    await pause()
    return func(*args)


@dataclass(eq=False, slots=True)
class Task:
    """A handler under way. `done` is told how it ended: None, or the exception. From `urgent_from` on it goes first."""

    name: str
    coroutine: Coroutine[Any, Any, Any]
    urgent_from: datetime
    done: Callable[[BaseException | None], None]
    frozen_until: datetime | None = None


class Timer(NamedTuple):
    """Something that happens at a time; of those of one time the first that was set has the lower number."""

    at: datetime
    number: int
    action: Callable[[], None]


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
    frozen: float = 0

    @classmethod
    def swarm(cls, rng: random.Random, intensity: float = 1) -> "FaultRates":
        """`intensity` scales all of them: a release of a fleet makes many more calls than one of a model."""

        def rate() -> float:
            return rng.choice((1.0, 3.0, 8.0)) * intensity if rng.random() < 0.5 else 0.0

        return cls(rate(), rate(), rate(), rate(), rate() * 5, rate(), rate(), rate())


HEALED = FaultRates()
"""Nothing fails any more."""

#: A handler may be frozen no longer than a request may be in flight: `settle_quiet_s` rests on this bound.
FROZEN_MAX = timedelta(seconds=100)
IN_FLIGHT_MAX_S = 60


class Scheduler:
    """Tasks, timers and faults under one seed. `slowness` is how often time goes on while handlers have work to do."""

    def __init__(self, seed: int, intensity: float = 1) -> None:
        self.rng = random.Random(seed)
        self.clock = FakeClock()
        self.threads = Threads()
        self.slowness = self.rng.choice((0.02, 0.02, 0.005, 0.001))
        self.rates = FaultRates.swarm(self.rng, intensity)
        self.tasks: list[Task] = []
        self.timers: list[Timer] = []  # a heap
        self.steps = 0
        self._numbers = 0
        self._frozen = 0

    def at(self, delay_s: float, action: Callable[[], None]) -> None:
        """Runs `action` after `delay_s` seconds of virtual time."""
        self._numbers += 1
        heapq.heappush(self.timers, Timer(self.clock.now() + timedelta(seconds=delay_s), self._numbers, action))

    def start(
        self, name: str, coroutine: Coroutine[Any, Any, Any], done: Callable[[BaseException | None], None]
    ) -> None:
        self.tasks.append(Task(name, coroutine, self.clock.now() + FROZEN_MAX, done))

    def step(self) -> bool:
        """One I/O of one task, or the next timer; False when nothing is left to do."""
        self.steps += 1
        now, tasks = self.clock.time, self.tasks
        awake = tasks
        if self._frozen:
            awake = [task for task in tasks if task.frozen_until is None or task.frozen_until <= now]
        if tasks and now > tasks[0].urgent_from:  # the first is the oldest
            self._resume(tasks[0])
        elif awake and (not self.timers or self.rng.random() >= self.slowness):
            self._resume(awake[int(self.rng.random() * len(awake))])
        elif self.timers:
            self._fire()
        else:
            return False
        return True

    def _fire(self) -> None:
        timer = self.timers[0]
        latest = self.tasks[0].urgent_from if self.tasks else timer.at
        if timer.at > latest:  # first let the frozen tasks wake up
            self.clock.time = max(self.clock.now(), latest + timedelta(microseconds=1))
            return
        heapq.heappop(self.timers)
        self.clock.time = max(self.clock.now(), timer.at)
        timer.action()

    def _resume(self, task: Task) -> None:
        if task.frozen_until is not None:
            task.frozen_until = None
            self._frozen -= 1
        try:
            frozen_s = task.coroutine.send(None)
            if frozen_s:
                task.frozen_until = self.clock.now() + timedelta(seconds=frozen_s)
                self._frozen += 1
                self.at(frozen_s, lambda: None)  # time has to come to its waking
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

    def freeze_s(self) -> float:
        """How long the worker is frozen now, in seconds: mostly not at all."""
        return self.rng.uniform(1, FROZEN_MAX.total_seconds()) if self.hit(self.rates.frozen) else 0

    def faulty(
        self, port: Any, *errors: type[PortError], late: Mapping[str, "Late"] = MappingProxyType({})
    ) -> "FaultyPort":
        """The port, with a scheduling point and a chance of every fault around each call: one of `errors`, else
        TransientFault; the first of them where nobody knows whether the call acted."""
        return FaultyPort(port, self, errors or (TransientFault,), late)


@dataclass(frozen=True)
class Late:
    """A request whose answer may be lost before it is applied: what applies it then, and what its caller gets."""

    applied_by: str
    error: type[PortError] = PlatformErrored


class FaultyPort:
    """Stands in for any port."""

    def __init__(
        self, port: Any, scheduler: Scheduler, errors: tuple[type[PortError], ...], late: Mapping[str, Late]
    ) -> None:
        self._port = port
        self._scheduler = scheduler
        self._errors = errors
        self._late = late

    def __getattr__(self, name: str) -> Any:
        method, scheduler, late = getattr(self._port, name), self._scheduler, self._late.get(name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            rates = scheduler.rates
            if rates is HEALED:
                await _TURN
                result = await method(*args, **kwargs)
                await _TURN
                return result
            await (pause(scheduler.freeze_s()) if rates.frozen else _TURN)
            if rates.crash_before and scheduler.hit(rates.crash_before):
                raise Crash(f"before {name}")
            if rates.transient and scheduler.hit(rates.transient):
                raise self._error()(f"{name} did not answer")
            if late and scheduler.hit(rates.put_unknown):
                await self._with_unknown_outcome(name, late, *args)
            result = await method(*args, **kwargs)
            await _TURN
            if rates.crash_after and scheduler.hit(rates.crash_after):
                raise Crash(f"after {name}")
            if (
                rates.answer_lost
                and scheduler.hit(rates.answer_lost)
                and not (late and late.error is PlatformOutcomeUnknown)
            ):
                raise self._errors[0](f"{name} did not answer")
            return result

        setattr(self, name, call)  # the next call finds it at once
        return call

    def _error(self) -> type[PortError]:
        return self._errors[0] if len(self._errors) == 1 else self._scheduler.rng.choice(self._errors)

    async def _with_unknown_outcome(self, name: str, late: Late, *args: Any) -> None:
        """The request is applied at once, later (within the time a request can be in flight), or never."""
        scheduler = self._scheduler
        when = scheduler.rng.choice(("now", "later", "never"))
        if when == "now":
            await getattr(self._port, name)(*args)
        elif when == "later":
            delay_s = scheduler.rng.uniform(1, IN_FLIGHT_MAX_S)
            scheduler.at(delay_s, lambda: getattr(self._port, late.applied_by)(*args))
        raise late.error(f"no answer to {name}")
