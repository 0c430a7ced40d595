"""One message to one recipient: what is in it, where it is on its way, and every try. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.domain.notifications.happening import News
from shared.domain.notifications.policy import Address
from shared.domain.records import replace

ITEMS_MAX = 15
"""Things in one message. More than that begin another one."""

FAULTS_MAX = 3
"""Failed tries of one address, after which the next one is used, if there is one."""

TRIES_KEPT = 20


class DeliveryState(StrEnum):
    """How far a message is."""

    WAITING = "waiting"  # for its time, or for a try that succeeds
    TAKEN = "taken"  # by the channel, which has not said yet what became of it
    SENT = "sent"
    DROPPED = "dropped"  # nothing in it is worth telling any more
    UNDELIVERABLE = "undeliverable"  # no address took it

    @property
    def has_ended(self) -> bool:
        """Nothing is done with it any more."""
        return self not in (DeliveryState.WAITING, DeliveryState.TAKEN)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """The right to send, durable before anything is sent. `repeats` when an earlier try of the same request got no
    answer; `unanswered` when this one got none."""

    claimed_at: datetime
    repeats: bool = False
    unanswered: bool = False


@dataclass(frozen=True, kw_only=True)
class Try:
    """One try at one address, and what came of it."""

    at: datetime
    address: Address
    outcome: str


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One message. `key` follows from recipient and contents, so that there can be one only.

    `place` is the index of the address in use, `faults` are its failed tries in a row, `serial` the number of claims so
    far. `doubtful_at` is the index of an address at which nobody knows whether a try arrived. `requested_at` is when
    the first of the tries was that count as one request, because nobody knows the end of one; `taken_at` is when the
    channel accepted it.
    """

    key: str
    recipient: str
    addresses: tuple[Address, ...]
    items: tuple[News, ...]
    created_at: datetime
    due_at: datetime
    gathered: bool = False
    state: DeliveryState = DeliveryState.WAITING
    place: int = 0
    faults: int = 0
    serial: int = 0
    claim: Claim | None = None
    doubtful_at: int | None = None
    requested_at: datetime | None = None
    taken_at: datetime | None = None
    ended_at: datetime | None = None
    tries: tuple[Try, ...] = ()
    note: str = ""

    @property
    def address(self) -> Address:
        """The one in use."""
        return self.addresses[self.place]

    @property
    def outstanding(self) -> datetime | None:
        """Since when a request is under way that nobody knows the end of, not counting the try that has the claim."""
        is_first = self.claim is not None and not self.claim.repeats and not self.claim.unanswered
        return None if is_first else self.requested_at

    @property
    def tried_at(self) -> datetime:
        """When the last try began, or was noted."""
        if self.claim is not None:
            return self.claim.claimed_at
        return self.tries[-1].at if self.tries else self.due_at

    @property
    def message_id(self) -> str:
        """Under which the channel knows what was sent; another one at every address."""
        return f"{self.key}-{self.place}"

    @property
    def is_open_for_more(self) -> bool:
        """Whether something else may be added to it: nobody has begun to send it."""
        return self.gathered and self.state is DeliveryState.WAITING and not self.serial and len(self.items) < ITEMS_MAX

    def holds(self, item: News) -> bool:
        """Whether this item is in it."""
        return any(each.item_id == item.item_id for each in self.items)


def with_item(delivery: Delivery, item: News) -> Delivery:
    """One more thing in the same message."""
    return replace(delivery, items=(*delivery.items, item))


def claimed(delivery: Delivery, now: datetime, items: Iterable[News]) -> Delivery:
    """Whoever makes this durable may send, and nobody else. `items` are those that are worth telling still."""
    return replace(
        delivery,
        serial=delivery.serial + 1,
        claim=Claim(claimed_at=now, repeats=delivery.requested_at is not None),
        items=tuple(items),
        requested_at=delivery.requested_at or now,
    )


def taken(delivery: Delivery, now: datetime, *, final: bool) -> Delivery:
    """The channel accepted it; `final` when it will say no more about it."""
    after = _tried(delivery, now, "accepted")
    done = replace(after, claim=None, faults=0, taken_at=now, note="")
    return replace(done, state=DeliveryState.SENT, ended_at=now) if final else replace(done, state=DeliveryState.TAKEN)


def arrived(delivery: Delivery, now: datetime) -> Delivery:
    """The channel says that it went out."""
    return replace(delivery, state=DeliveryState.SENT, ended_at=now)


def failed(delivery: Delivery, now: datetime, reason: str, *, for_good: bool) -> Delivery:
    """A try that certainly did not arrive. `for_good`: this address will never take it. Then, and after FAULTS_MAX
    tries, the next address is used; without a next one, what failed for good cannot be delivered."""
    after = replace(put_off(delivery, now, reason), state=DeliveryState.WAITING)
    is_last = delivery.place + 1 == len(delivery.addresses)
    if not is_last and (for_good or delivery.faults + 1 >= FAULTS_MAX):
        return replace(after, place=delivery.place + 1, faults=0, requested_at=None)
    if for_good:
        return given_up(after, now, reason)
    return replace(after, faults=delivery.faults + 1)


def doubtful(delivery: Delivery, now: datetime) -> Delivery:
    """A try without an answer at an address that keeps no record: nobody will know."""
    place = delivery.place
    return replace(failed(delivery, now, "no answer", for_good=False), doubtful_at=place, requested_at=None)


def lost(delivery: Delivery, now: datetime) -> Delivery:
    """A try without an answer that the channel certainly does not have, and will not get any more."""
    return replace(failed(delivery, now, "no answer, and it never came", for_good=False), requested_at=None)


def put_off(delivery: Delivery, now: datetime, reason: str) -> Delivery:
    """The channel took nothing and asks for patience."""
    return replace(_tried(delivery, now, reason), claim=None, note=reason, requested_at=delivery.outstanding)


def unsettled(delivery: Delivery, now: datetime, reason: str) -> Delivery:
    """A try of which nobody knows whether it arrived: the claim stays until the channel was asked."""
    claim = replace(delivery.claim, unanswered=True) if delivery.claim else None
    return replace(_tried(delivery, now, reason), claim=claim, note=reason)


def dropped(delivery: Delivery, now: datetime, note: str) -> Delivery:
    """Nothing in it has to be told any more."""
    return replace(delivery, state=DeliveryState.DROPPED, ended_at=now, note=note)


def given_up(delivery: Delivery, now: datetime, reason: str) -> Delivery:
    """Nobody tries any more. What a channel took and says no more about counts as sent."""
    if delivery.state is DeliveryState.TAKEN:
        return replace(arrived(delivery, now), note=reason)
    return replace(delivery, state=DeliveryState.UNDELIVERABLE, claim=None, ended_at=now, note=reason)


def _tried(delivery: Delivery, now: datetime, outcome: str) -> Delivery:
    tries = (*delivery.tries, Try(at=now, address=delivery.address, outcome=outcome))
    return replace(delivery, tries=tries[-TRIES_KEPT:])
