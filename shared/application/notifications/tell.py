"""From a fact to the messages that follow from it: one for each recipient and item, or one for all that are gathered.

The fact is durable before anything else; the messages are durable before the fact is done with. Their keys follow from
recipient and item, so that routing twice makes none twice.
"""

import hashlib
import logging
from dataclasses import replace
from datetime import datetime

from shared.application.errors import ConcurrentUpdate, TransientFault
from shared.application.notifications.ports import NotificationPorts
from shared.application.work.look import Look, WorkKind
from shared.domain.notifications import others
from shared.domain.notifications import releases as of_releases
from shared.domain.notifications.delivery import Delivery, with_item
from shared.domain.notifications.happening import Happening
from shared.domain.notifications.notice import Notice, NoticeState, ToldFact
from shared.domain.notifications.routing import Hearing, routes

log = logging.getLogger(__name__)

HEARD = of_releases.KINDS | others.KINDS
"""The facts that somebody may be told of; all others are nobody's business here."""

_PARTS_MAX = 50  # messages of ITEMS_MAX things each that one recipient gets at one time
_TRIES = 5  # of adding to a message that others add to as well


def notice_key(fact_id: str) -> str:
    """The key of a fact: 32 hexadecimal digits."""
    return _digest("fact", fact_id)


def look_of(notice_or_delivery: Notice | Delivery) -> Look:
    """A look at it."""
    kind = WorkKind.NOTICE if isinstance(notice_or_delivery, Notice) else WorkKind.DELIVERY
    return Look(kind=kind, key=notice_or_delivery.key)


def message_id_of(kind: WorkKind, key: str) -> str:
    """The id of the first message about it."""
    return f"{kind.value}-{key}"


async def accept_fact(fact: ToldFact, ports: NotificationPorts) -> bool:
    """Makes the fact durable and has it looked at; whether it is new. Raises TransientFault when it could not be made
    durable: the topic brings it again."""
    if fact.kind not in HEARD:
        return False
    notice = Notice(key=notice_key(fact.fact_id), fact=fact, accepted_at=ports.clock.now())
    is_new = await ports.log.accept(notice)
    try:
        await ports.queue.send(look_of(notice), message_id_of(WorkKind.NOTICE, notice.key))
    except TransientFault as error:
        log.warning("fact %s is stored, its message was not sent; the sweep looks at it: %s", fact.fact_id, error)
    return is_new


async def route(key: str, ports: NotificationPorts) -> None:
    """Makes every message that follows from a fact, and has each looked at when it is due. Safe to repeat."""
    stored = await ports.log.notice(key)
    if stored is None or not stored.notice.is_open:
        return
    fact, made = stored.notice.fact, dict[str, Delivery]()
    happenings = await _happenings(fact, ports)
    for happening in happenings:
        for each in routes(happening, ports.policy):
            delivery = await _made(each, happening, ports)
            made[delivery.key] = delivery
    for delivery in made.values():
        await ports.queue.send(look_of(delivery), message_id_of(WorkKind.DELIVERY, delivery.key), at=delivery.due_at)
    note = "" if made else _why_nobody(happenings)
    state = NoticeState.ROUTED if made else NoticeState.UNHEARD
    if note:
        log.warning("nobody is told of fact %s (%s): %s", fact.fact_id, fact.kind, note)
    await ports.log.save_notice(replace(stored.notice, state=state, messages=tuple(made), note=note), stored.version)


async def _happenings(fact: ToldFact, ports: NotificationPorts) -> tuple[Happening, ...]:
    if fact.kind in others.KINDS:
        return (others.happening_of(fact, ports.name_of),)
    stored = await ports.releases.load(fact.release_id)
    if stored is None:
        return ()
    telling = of_releases.Telling(release=stored.release, fact=fact, policy=ports.policy, name_of=ports.name_of)
    return of_releases.happenings_of(telling)


def _why_nobody(happenings: tuple[Happening, ...]) -> str:
    if not happenings:
        return "it was over before anybody could be told"
    asked = ", ".join(happenings[0].groups)
    of_whom = f" for {asked}" if asked else ""
    return f"no rule of config/notifications.yml names a recipient of {happenings[0].item.what.value}{of_whom}"


async def _made(to: Hearing, happening: Happening, ports: NotificationPorts) -> Delivery:
    """The message that tells the recipient of it: the one that is there, or a new one, or a gathered one with one more
    thing in it. Raises TransientFault."""
    if not to.gathered:
        delivery = _new(_digest(to.recipient.name, happening.item.item_id), to, happening, ports)
        await ports.log.create(delivery)
        return delivery
    for part in range(_PARTS_MAX):
        delivery = _new(_digest(to.recipient.name, _moment(to.due_at), part), to, happening, ports)
        found = await _added(delivery, ports)
        if found is not None:
            return found
    raise TransientFault(f"{to.recipient.name} has {_PARTS_MAX} messages at {to.due_at} already")


async def _added(delivery: Delivery, ports: NotificationPorts) -> Delivery | None:
    """The gathered message with this one's item in it; None when it takes no more."""
    for _ in range(_TRIES):
        if await ports.log.create(delivery):
            return delivery
        there = await ports.log.delivery(delivery.key)
        if there is None:
            continue
        if there.delivery.holds(delivery.items[0]):
            return there.delivery
        if not there.delivery.is_open_for_more:
            return None
        more = with_item(there.delivery, delivery.items[0])
        try:
            await ports.log.save(more, there.version)
        except ConcurrentUpdate:
            continue
        return more
    raise TransientFault(f"message {delivery.key} kept changing")


def _new(key: str, to: Hearing, happening: Happening, ports: NotificationPorts) -> Delivery:
    return Delivery(
        key=key,
        recipient=to.recipient.name,
        addresses=to.recipient.addresses,
        items=(happening.item,),
        created_at=ports.clock.now(),
        due_at=to.due_at,
        gathered=to.gathered,
    )


def _moment(at: datetime) -> str:
    return at.isoformat()


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]
