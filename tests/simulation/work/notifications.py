"""Notifications of one seed: facts come once or several times, channels fail, handlers die, gates are decided.

What a person reads is what channels let through to them: mail takes a request once, a receiver of webhooks drops what
it knows, a Teams channel shows every card. Nothing may be lost, and nothing read twice but a card that says so.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

from shared.application.errors import (
    PlatformOutcomeUnknown,
    PlatformRefused,
    PlatformThrottled,
    TransientFault,
)
from shared.application.notifications.looked_after import deliveries_looked_after, nets, notices_looked_after
from shared.application.notifications.ports import Fate, NotificationPorts, Told
from shared.application.notifications.tell import accept_fact
from shared.application.work.look import LookedAfter, WorkKind
from shared.application.work.sweep import Net
from shared.domain.notifications.delivery import Delivery, DeliveryState
from shared.domain.notifications.message import Message
from shared.domain.notifications.notice import NoticeState, ToldFact
from shared.domain.notifications.policy import Address, ChannelKind, HearingRule, QuietHours, When
from shared.domain.release.model import Phase
from tests.fakes.notifications import MemoryNotificationLog
from tests.fakes.store import MemoryReleaseStore, Partition
from tests.simulation.host import abandoned
from tests.simulation.scheduler import Scheduler
from tests.simulation.violation import require
from tests.simulation.work.world import WorkWorld
from tests.support.benches.notifications import GATES, TROUBLE, a_policy, a_recipient, fact_of
from tests.support.builders import a_release

FAILING_PCT = 30
FACTS = (5, 20, 40)

PHASES = (Phase.AWAITING_PRODUCTION_APPROVAL, Phase.AWAITING_REGISTRY_APPROVAL, Phase.HELD, Phase.FAILED)


@dataclass
class Reader:
    """What one recipient read: (item, whether the message said that it may be a repetition)."""

    read: list[tuple[str, bool]] = field(default_factory=list)


class SimulatedChannel:
    """A service with faults of its own: it refuses, asks for patience, loses requests and answers.
    One that remembers takes a request once, and says what became of it."""

    def __init__(self, scheduler: Scheduler, readers: dict[str, Reader], *, remembers: bool, drops_known: bool) -> None:
        self.says_more = remembers
        self.takes_once = remembers or drops_known
        self.tries = self.failures = 0
        self._scheduler, self._readers = scheduler, readers
        self._remembers, self._drops_known = remembers, drops_known
        self._taken: dict[tuple[str, datetime], Fate] = {}
        self._known: set[str] = set()
        self._port = scheduler.faulty(self, PlatformOutcomeUnknown)

    async def send(self, message: Message, to: str, requested_at: datetime) -> None:
        await self._port.request(message, to, requested_at)

    async def fate(self, message_id: str, requested_at: datetime) -> Told:
        told: Told = await self._port.asked(message_id, requested_at)
        return told

    async def request(self, message: Message, to: str, requested_at: datetime) -> None:
        """One request reaches the service, or does not."""
        rng = self._scheduler.rng
        self.tries += 1
        if rng.random() * 100 < FAILING_PCT:
            self.failures += 1
            fault = rng.choice(("busy", "busy", "down", "down", "down", "refuses", "lost", "late", "mute"))
            if fault == "busy":
                raise PlatformThrottled("it answered 429", retry_after_s=rng.choice((1, 20, 600)))
            if fault == "down":
                raise TransientFault("it answered 503")
            if fault == "refuses":
                raise PlatformRefused("it answered 400")
            if fault == "late":
                self._scheduler.at(rng.uniform(1, 60), lambda: self._arrives(message, to, requested_at))
            if fault == "mute":
                self._arrives(message, to, requested_at)
            raise PlatformOutcomeUnknown("no answer")
        self._arrives(message, to, requested_at)

    async def asked(self, message_id: str, requested_at: datetime) -> Told:
        """What the service knows of a request."""
        if self._remembers:
            fate = self._taken.get((message_id, requested_at), Fate.NOT_TAKEN)
            return Told(fate=fate, reason="it bounced" if fate is Fate.FAILED else "")
        return Told(fate=Fate.UNKNOWN)

    def _arrives(self, message: Message, to: str, requested_at: datetime) -> None:
        if self._remembers and (message.message_id, requested_at) in self._taken:
            return
        bounces = self._remembers and self._scheduler.rng.random() * 1000 < FAILING_PCT
        self._taken[message.message_id, requested_at] = Fate.FAILED if bounces else Fate.SENT
        if bounces or (self._drops_known and message.message_id in self._known):
            return
        self._known.add(message.message_id)
        marked = message.lead.startswith("You may have been told this before")
        self._readers[to.partition("@")[0]].read += [(item.item_id, marked) for item in message.items]


class NotificationWorld(WorkWorld):
    """A few releases, some recipients of every kind, and facts as they come."""

    lost = frozenset({WorkKind.NOTICE, WorkKind.DELIVERY})
    sweep_every_s = 300

    def __init__(self, seed: int) -> None:
        super().__init__(seed, "notifications")
        rng, faulty = self.rng, self.scheduler.faulty
        self.log, self.store = MemoryNotificationLog(), MemoryReleaseStore()
        names = ("engineer", "team", "duty", "pager", "digest", "sleeper")
        self.readers = {name: Reader() for name in names}
        self.channels = {
            ChannelKind.MAIL: SimulatedChannel(self.scheduler, self.readers, remembers=True, drops_known=False),
            ChannelKind.TEAMS: SimulatedChannel(self.scheduler, self.readers, remembers=False, drops_known=False),
            ChannelKind.WEBHOOK: SimulatedChannel(self.scheduler, self.readers, remembers=False, drops_known=True),
        }
        self.facts: list[ToldFact] = []
        self.waiting = 0
        self.ports = NotificationPorts(
            clock=self.clock,
            log=faulty(self.log),
            queue=faulty(self.looks),
            releases=faulty(self.store),
            channels=self.channels,
            policy=a_policy(*self._recipients(), rules=self._rules()),
            name_of=lambda circuit: circuit,
        )
        self.count = rng.choice(FACTS)

    def _recipients(self) -> Iterable[Any]:
        addresses = {
            "engineer": (ChannelKind.MAIL, ChannelKind.TEAMS),
            "team": (ChannelKind.TEAMS, ChannelKind.MAIL),
            "duty": (ChannelKind.MAIL, ChannelKind.WEBHOOK),
            "pager": (ChannelKind.WEBHOOK, ChannelKind.MAIL),
            "digest": (ChannelKind.MAIL,),
            "sleeper": (ChannelKind.MAIL, ChannelKind.TEAMS),
        }
        hears = {"duty": "on-call", "pager": "on-call", "digest": "readers"}
        quiet = QuietHours(begins=time(7), ends=time(9))
        for name, kinds in addresses.items():
            places = tuple(Address(kind=kind, to=f"{name}@x" if kind is ChannelKind.MAIL else name) for kind in kinds)
            recipient = a_recipient(name, hears.get(name, "ML-Engineers"), addresses=places, digest_at=time(9, 30))
            yield recipient if name != "sleeper" else a_recipient(name, "ML-Engineers", addresses=places, quiet=quiet)

    def _rules(self) -> tuple[HearingRule, ...]:
        return (
            HearingRule(to="approvers", of=GATES),
            HearingRule(to="on-call", of=TROUBLE),
            HearingRule(to="readers", of=GATES | TROUBLE, when=When.DIGEST),
        )

    def begin(self) -> None:
        for number in range(self.count):
            self.waiting += 1
            self.scheduler.at(self.rng.uniform(0, 3600), lambda number=number: self._happens(number))  # type: ignore[misc]

    def _happens(self, number: int) -> None:
        """A release comes into a phase, and the topic tells of it until it was heard, sometimes once more."""
        phase, now = self.rng.choice(PHASES), self.clock.now()
        hours = self.rng.choice((1, 24))
        release = a_release(
            phase, release_id=f"r-{number}", phase_since=now, deadline_at=now + timedelta(hours=hours), serial=number
        )
        self.store.partitions[release.release_id] = Partition(release=release)
        fact = fact_of(release)
        self.facts.append(fact)

        def heard() -> None:
            self.waiting -= 1

        for _ in range(self.rng.choice((1, 1, 1, 2))):
            self.waiting += 1
            self.until_done("fact", lambda: abandoned(accept_fact(fact, self.ports)), heard)
        self.waiting -= 1

    def looked_after(self, kind: WorkKind) -> LookedAfter:
        return (notices_looked_after if kind is WorkKind.NOTICE else deliveries_looked_after)(self.ports)

    def nets(self) -> Sequence[Net[Any]]:
        return nets(self.ports)

    def somebody_acts(self) -> None:
        """A gate is decided."""
        if self.store.partitions and self.rng.random() < 0.3:
            release_id = self.rng.choice(list(self.store.partitions))
            release = a_release(Phase.PROMOTING, release_id=release_id, phase_since=self.clock.now())
            self.store.partitions[release_id] = Partition(release=release)

    def mend(self) -> None:
        """Channels go on failing: what has to hold, holds all the same."""

    def has_ended(self) -> bool:
        notices = (notice for notice, _ in self.log.notices.values())
        return (
            not self.waiting
            and not any(notice.is_open for notice in notices)
            and all(delivery.state.has_ended for delivery in self._deliveries())
        )

    def ends(self) -> Iterable[str]:
        yield from (delivery.state.value for delivery in self._deliveries())
        yield from ["facts"] * len(self.facts)
        yield from ["tries"] * sum(each.tries for each in self.channels.values())
        yield from ["failed tries"] * sum(each.failures for each in self.channels.values())
        yield from ["marked as repeated" for each in self.readers.values() for _, marked in each.read if marked]

    def check_end(self) -> None:
        require(len(self.log.notices) == len(self.facts), "a fact was lost")
        for notice, _ in self.log.notices.values():
            require(notice.state in (NoticeState.ROUTED, NoticeState.UNHEARD), f"{notice.fact} is {notice.state}")
        for delivery in self._deliveries():
            self._check(delivery)
        for name, reader in self.readers.items():
            unmarked = Counter(item for item, marked in reader.read if not marked)
            twice = [item for item, times in unmarked.items() if times > 1]
            require(not twice, f"{name} read twice, unmarked: {twice}")

    def _check(self, delivery: Delivery) -> None:
        """Sent is read; only what every channel refused for good may be undeliverable."""
        read = {item for item, _ in self.readers[delivery.recipient].read}
        if delivery.state is DeliveryState.SENT:
            missing = [item.item_id for item in delivery.items if item.item_id not in read]
            require(not missing, f"{delivery.recipient} never read {missing}: {delivery}")
        elif delivery.state is DeliveryState.UNDELIVERABLE:
            said = [each.outcome for each in delivery.tries]
            require("it answered 400" in said or "it bounced" in said, f"{delivery} was given up: {said}")
        else:
            require(delivery.state is DeliveryState.DROPPED, f"{delivery} has not ended")

    def _deliveries(self) -> list[Delivery]:
        return [delivery for delivery, _ in self.log.deliveries.values()]
