"""A world of looked-after work: one queue of looks, and the engine of `shared/application/work/` on top of it."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Coroutine
from functools import partial
from typing import Any

from shared.application.errors import PlatformErrored, PlatformThrottled, TransientFault
from shared.application.work.dead_letters import DeadLetter, bury
from shared.application.work.look import Look, LookedAfter, WorkKind, look_at
from tests.simulation.bus import Message, SimulatedLooks
from tests.simulation.host import Host, abandoned
from tests.simulation.violation import require

CHAINED = (WorkKind.TASK, WorkKind.TRAINING)
"""Kinds whose looks lead to each other; of the others each webhook and each wish brings one."""

LOOKS_OF_ONE_MAX = 6
"""Looks at one piece of work that wait at once: one chain of them, what a hint brings, what a sweep brings back."""


class Throttled(PlatformThrottled):
    """Azure ML asks for a little patience."""

    def __init__(self, text: str) -> None:
        super().__init__(text, retry_after_s=20)


PLATFORM_FAULTS = (PlatformErrored, TransientFault, Throttled)


class WorkWorld(Host):
    """Subclasses say how each kind is looked after; `lost` are the kinds whose looks the sweep promises to bring back,
    so that their messages may be lost."""

    lost: frozenset[WorkKind] = frozenset()
    acts_pct = 2

    def __init__(self, seed: int, queue_name: str) -> None:
        super().__init__(seed)
        self.looks = SimulatedLooks(queue_name, self.clock, self.rng, self.dead)
        self.looks.loses = self._loses
        self.queues = [self.looks]
        self.faulty_steps = self.rng.choice((200, 600, 1500))
        self.acting_steps = self.rng.choice((200, 600, 1500))

    @abstractmethod
    def looked_after(self, kind: WorkKind) -> LookedAfter:
        """How pieces of work of this kind are looked after."""

    def work_of(self, message: Message) -> Coroutine[Any, Any, None]:
        return abandoned(look_at(message.body, message.message_id, self.looked_after(message.body.kind)))

    def bury(self, dead: DeadLetter, message: Message) -> Coroutine[Any, Any, None]:
        look: Look = message.body
        give_up = partial(self.looked_after(look.kind).give_up, look.key)
        return bury(dead, give_up, self.scheduler.faulty(self.intake), self.clock)

    def check_queues(self) -> None:
        chained = (message.body.key for message in self.looks.messages if message.body.kind in CHAINED)
        for key, waiting in Counter(chained).items():
            require(waiting <= LOOKS_OF_ONE_MAX, f"{waiting} looks at {key} wait")

    def _loses(self, look: Look) -> bool:
        return look.kind in self.lost and self.scheduler.hit(self.scheduler.rates.lost_message)
