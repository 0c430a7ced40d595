"""What every simulated world has in common: messages are delivered, timers go off, people act, everything fails; then
faults stop, and all that was begun must come to its end."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterable, Sequence
from datetime import timedelta
from typing import Any

from shared.application.errors import PortError, TransientFault
from shared.application.work.dead_letters import DeadLetter
from shared.application.work.sweep import Net, sweep
from tests.fakes.intake import MemoryIntakeLog
from tests.simulation.bus import NEVER, Message, SimulatedQueue
from tests.simulation.scheduler import HEALED, Scheduler
from tests.simulation.violation import Violation, require

SWEEP_EVERY_S = 60
STEPS_MAX = 60_000

#: Why the bus gives a message up.
UNDELIVERABLE = "MaxDeliveryCountExceeded"

AGAIN_AFTER_S = 10
"""Whoever got no answer tries again after this."""


class Host(ABC):
    """One seeded world. Its queues, its `faulty_steps` and its `acting_steps` are set by what it is a world of."""

    sweep_every_s = SWEEP_EVERY_S
    acts_pct = 8
    """How often somebody acts, of a hundred steps."""

    def __init__(self, seed: int, intensity: float = 1) -> None:
        self.scheduler = Scheduler(seed, intensity)
        self.rng, self.clock = self.scheduler.rng, self.scheduler.clock
        self.intake = MemoryIntakeLog()
        self.queues: list[SimulatedQueue] = []
        self.faulty_steps = self.acting_steps = 0
        self.healed = False

    @abstractmethod
    def begin(self) -> None:
        """Arranges what happens whatever the dice say."""

    @abstractmethod
    def work_of(self, message: Message) -> Coroutine[Any, Any, Any]:
        """What a worker does with a message."""

    @abstractmethod
    def bury(self, dead: DeadLetter, message: Message) -> Coroutine[Any, Any, None]:
        """What is done with a message that nobody could process."""

    @abstractmethod
    def nets(self) -> Sequence[Net[Any]]:
        """What a sweep goes over."""

    @abstractmethod
    def somebody_acts(self) -> None:
        """People, and whatever else comes from outside at a random moment."""

    @abstractmethod
    def mend(self) -> None:
        """The outside works from now on."""

    @abstractmethod
    def has_ended(self) -> bool:
        """Whether all that was accepted came to its end."""

    @abstractmethod
    def check_end(self) -> None:
        """What must hold at rest. Raises Violation."""

    @abstractmethod
    def ends(self) -> Iterable[str]:
        """How each piece of work ended, in words, for the tally."""

    @abstractmethod
    def check_queues(self) -> None:
        """What must hold of the queues whenever somebody sweeps. Raises Violation."""

    def run(self) -> int:
        """Runs to the end and returns the number of scheduler steps. Raises Violation, also for a handler's bug."""
        outside = asyncio._get_running_loop()
        asyncio._set_running_loop(self.scheduler.threads)
        try:
            return self._run()
        except Violation:
            raise
        except Exception as error:
            raise Violation(f"a handler raised {error!r}") from error
        finally:
            asyncio._set_running_loop(outside)

    def _run(self) -> int:
        self.begin()
        scheduler, dice = self.scheduler, self.rng.random
        scheduler.at(self.sweep_every_s, self._sweep)
        while scheduler.steps < STEPS_MAX:
            if scheduler.steps == self.faulty_steps:
                self._heal()
            self._deliver()
            if scheduler.steps < self.acting_steps and dice() * 100 < self.acts_pct:
                self.somebody_acts()
            scheduler.step()
            if self.healed and not scheduler.tasks and self.at_rest():
                break
        require(self.at_rest(), f"L1: not at rest after {STEPS_MAX} steps: {dict(enumerate(self.ends()))}")
        self.check_end()
        return self.scheduler.steps

    def at_rest(self) -> bool:
        """Everything has ended, and no message waits that comes within an hour."""
        later = self.clock.now() + timedelta(hours=1)
        waiting = any(message.visible_at < later for queue in self.queues for message in queue.messages)
        return not waiting and not self.scheduler.tasks and self.has_ended()

    def until_done(
        self, name: str, work: Callable[[], Coroutine[Any, Any, Any]], then: Callable[[], None] = lambda: None
    ) -> None:
        """Does the work, again and again until it ended without a fault; `then` comes after it."""

        def done(error: BaseException | None) -> None:
            if error is None:
                then()
            else:
                self.scheduler.at(AGAIN_AFTER_S, lambda: self.until_done(name, work, then))

        self.scheduler.start(name, work(), done)

    def once(self, name: str, work: Coroutine[Any, Any, Any]) -> None:
        """Starts work that nobody starts again when it fails."""
        self.scheduler.start(name, work, lambda error: None)

    def _deliver(self) -> None:
        now = self.clock.time
        for queue in self.queues:
            if now >= queue.nothing_until:
                message = queue.receive()
                if message is not None:
                    self._handle(queue, message)
        if not self.scheduler.tasks:
            self._wake_at_next_change()

    def _wake_at_next_change(self) -> None:
        """Time has to come to the next message even when no timer is due before it. Without a task, every queue was
        asked in vain."""
        due = min(queue.nothing_until for queue in self.queues)
        if due < NEVER and (not self.scheduler.timers or self.scheduler.timers[0].at > due):
            self.scheduler.at((due - self.clock.now()).total_seconds(), lambda: None)

    def _handle(self, queue: SimulatedQueue, message: Message) -> None:
        def done(error: BaseException | None) -> None:
            if error is None:
                queue.complete(message)
            elif isinstance(error, TransientFault):  # abandoned: visible again at once
                queue.unlock(message)
            # a crash leaves the lock to expire

        if self.scheduler.hit(self.scheduler.rates.lost_lock):
            queue.unlock(message)  # a second worker may take it while the first still runs
        self.scheduler.start(f"{queue.name}:{message.message_id}", self.work_of(message), done)

    def dead(self, queue: SimulatedQueue, message: Message) -> None:
        """A message has used up its deliveries."""
        dead = DeadLetter(queue=queue.name, message_id=message.message_id, reason=UNDELIVERABLE, body="")
        self.until_done("dead_letters", lambda: self.bury(dead, message))

    def _sweep(self) -> None:
        self.scheduler.at(self.sweep_every_s, self._sweep)
        self.check_queues()
        if self.healed or self.rng.random() < 0.8:  # a timer may be missed
            self.once("sweeper", _swept(self.nets()))

    def _heal(self) -> None:
        self.healed = True
        self.scheduler.rates = HEALED
        self.mend()


async def _swept(nets: Sequence[Net[Any]]) -> None:
    """A sweep goes on after any error; here one that is no fault of the outside is a bug."""
    report = await sweep(nets)
    for error in report.failed.values():
        if not isinstance(error, PortError):
            raise error


async def abandoned(work: Coroutine[Any, Any, Any]) -> None:
    """As the host does: whatever a port raised, the call has failed and may come again."""
    try:
        await work
    except TransientFault:
        raise
    except PortError as error:
        raise TransientFault(str(error)) from error
