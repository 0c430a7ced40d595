"""What the tests of notifications have in common: a policy, recipients, facts, whoever looks until nothing is due."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

from shared.application.notifications.looked_after import deliveries_looked_after, notices_looked_after
from shared.application.notifications.ports import Channel, NotificationPorts
from shared.application.notifications.tell import accept_fact
from shared.application.work.look import LookedAfter, WorkKind, look_at
from shared.domain.notifications.delivery import Delivery, DeliveryState
from shared.domain.notifications.happening import SEVERITIES, Happening, News, What
from shared.domain.notifications.notice import ToldFact
from shared.domain.notifications.policy import (
    APPROVERS,
    Address,
    ChannelKind,
    Contact,
    HearingRule,
    NotificationPolicy,
    Recipient,
    Reminders,
    RollbackBudgets,
)
from shared.domain.release.model import Phase, Release
from tests.fakes.clock import START, FakeClock
from tests.fakes.notifications import FakeChannel, MemoryNotificationLog
from tests.fakes.queues import MemoryLookQueue
from tests.fakes.store import MemoryReleaseStore, Partition
from tests.support.builders import a_release

BOARD = "https://switchyard.example"
DUTY = Contact(role="On-call ML engineer", does="carries rollbacks out", name="The duty phone", phone="+49 30 000000")
GATES = frozenset({What.GATE_OPENED, What.GATE_REMINDER, What.GATE_ESCALATED})
TROUBLE = frozenset({What.HELD, What.FAILED, What.EXPIRED, What.ROLLING_BACK, What.BUDGET_MISSED, What.FINDING})


def mail(to: str) -> Address:
    return Address(kind=ChannelKind.MAIL, to=f"{to}@example.com")


def teams(to: str) -> Address:
    return Address(kind=ChannelKind.TEAMS, to=to)


def a_recipient(name: str = "engineer", *hears_as: str, **changes: Any) -> Recipient:
    """Hears as ML-Engineers by mail, and on Teams when mail fails."""
    recipient = Recipient(
        name=name,
        addresses=(mail(name), teams(name)),
        hears_as=frozenset(hears_as or ("ML-Engineers",)),
        zone="UTC",
        digest_at=time(8),
    )
    return replace(recipient, **changes)


def a_policy(*recipients: Recipient, **changes: Any) -> NotificationPolicy:
    """Approvers hear of gates, on-call of trouble."""
    policy = NotificationPolicy(
        zone="UTC",
        recipients=recipients or (a_recipient(), a_recipient("duty", "on-call")),
        rules=(HearingRule(to=APPROVERS, of=GATES), HearingRule(to="on-call", of=TROUBLE)),
        reminders=Reminders(),
        budgets=RollbackBudgets(),
        contacts=(DUTY,),
    )
    return replace(policy, **changes)


def an_item(what: What = What.GATE_OPENED, item_id: str = "item-1", **changes: Any) -> News:
    item = News(
        item_id=item_id,
        what=what,
        severity=SEVERITIES[what],
        at=START,
        subject=f"Subject of {item_id}",
        text=f"Text of {item_id}.",
        kind="model",
        circuits=("P001/C001",),
        release_id="r-1",
        path="releases/r-1",
    )
    return replace(item, **changes)


def a_happening(what: What = What.GATE_OPENED, **changes: Any) -> Happening:
    groups = ("ML-Engineers",) if what in GATES else ()
    names = {"groups", "ends_at", "due_at"}
    item = an_item(what, **{name: value for name, value in changes.items() if name not in names})
    happening = Happening(item=item, groups=groups)
    return replace(happening, **{name: value for name, value in changes.items() if name in names})


def fact_of(release: Release, **data: str) -> ToldFact:
    """The fact that the release's phase began."""
    return ToldFact(
        fact_id=f"{release.release_id}-{release.serial}-fact",
        kind=f"switchyard.release.{release.phase.value}",
        subject=f"releases/{release.release_id}",
        at=release.phase_since,
        data={"release_id": release.release_id, **data},
    )


class NotificationBench:
    """A log, a queue, a mail and a Teams channel in memory; releases of the test's own."""

    def __init__(self, policy: NotificationPolicy | None = None) -> None:
        self.clock = FakeClock()
        self.log, self.looks, self.store = MemoryNotificationLog(), MemoryLookQueue(), MemoryReleaseStore()
        self.mail, self.teams = FakeChannel(), FakeChannel()
        self.channels: dict[ChannelKind, Channel] = {ChannelKind.MAIL: self.mail, ChannelKind.TEAMS: self.teams}
        self.ports = NotificationPorts(
            clock=self.clock,
            log=self.log,
            queue=self.looks,
            releases=self.store,
            channels=self.channels,
            policy=policy or a_policy(),
            name_of=lambda circuit: f"Line {circuit[-1]} in Plant {circuit[3]}",
            board=BOARD,
        )

    def looked_after(self, kind: WorkKind) -> LookedAfter:
        return (notices_looked_after if kind is WorkKind.NOTICE else deliveries_looked_after)(self.ports)

    def put(self, release: Release) -> Release:
        self.store.partitions[release.release_id] = Partition(release=release)
        return release

    def at(self, phase: Phase, **changes: Any) -> Release:
        """A release whose phase begins now, and lasts a day where it is a gate."""
        now = self.clock.now()
        fields = {"phase_since": now, "deadline_at": now + timedelta(days=1), **changes}
        return self.put(a_release(phase, **fields))

    async def told(self, fact: ToldFact) -> None:
        """The topic brings the fact, and all that is due now is done."""
        await accept_fact(fact, self.ports)
        await self.work()

    async def work(self, until: datetime | None = None) -> None:
        """Looks at whatever is due, now or until then."""
        while True:
            for sent in self.looks.receive(self.clock.now()):
                await look_at(sent.look, sent.message_id, self.looked_after(sent.look.kind))
            following = self.looks.next_at(self.clock.now())
            if following is None or (following > self.clock.now() and (until is None or following > until)):
                return
            self.clock.time = max(self.clock.time, following)

    @property
    def deliveries(self) -> list[Delivery]:
        return [delivery for delivery, _ in self.log.deliveries.values()]

    def states(self) -> dict[str, DeliveryState]:
        """By recipient; for tests in which each has one message."""
        return {each.recipient: each.state for each in self.deliveries}
