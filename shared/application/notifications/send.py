"""A message on its way: claimed, sent, and settled when nobody knows whether it arrived.

The claim is durable before anything is sent, and one at a time has it. After a crash, or without an answer, the channel
is asked what became of the message; only what it certainly did not take is sent again. A channel that keeps no record
gets it again with a word that it may be a repetition: not being told is worse.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from shared.application.errors import (
    PlatformOutcomeUnknown,
    PlatformRefused,
    PlatformThrottled,
    PortError,
    TransientFault,
)
from shared.application.notifications.ports import Channel, Fate, NotificationPorts, StoredDelivery
from shared.application.notifications.tell import look_of, message_id_of
from shared.application.work.look import WorkKind
from shared.domain.notifications import delivery as steps
from shared.domain.notifications.delivery import Delivery, DeliveryState
from shared.domain.notifications.happening import News
from shared.domain.notifications.message import message_of

log = logging.getLogger(__name__)

CLAIMED_FOR = timedelta(minutes=3)
"""After this a request that the channel does not have will not arrive any more. Longer than a try can last, which is
bounded to 20 s, and shorter than the five minutes for which the mail service knows a repetition."""

PATIENT_FOR = timedelta(minutes=10)
"""How long a channel may ask for patience before another one is tried."""

ASKED_AFTER = timedelta(seconds=5)

ASKED_FOR = timedelta(minutes=30)
"""How long a channel is asked what became of a message that it took; after that it counts as sent."""


class _Going(TransientFault):
    """Somebody else is sending it, or the channel is: look again in a moment."""


async def deliver(key: str, ports: NotificationPorts) -> None:
    """Does the next missing thing for a message until it has ended or something has to be tried later.

    Raises TransientFault, also with the time that a channel asks for."""
    steps_taken = 0
    while (stored := await ports.log.delivery(key)) and not stored.delivery.state.has_ended:
        if stored.delivery.due_at > ports.clock.now():
            return  # its own message comes at its time
        if stored.delivery.state is DeliveryState.TAKEN and steps_taken:
            await _ask_later(stored.delivery, ports)
            return
        await _step(stored, ports)
        steps_taken += 1


async def _ask_later(delivery: Delivery, ports: NotificationPorts) -> None:
    """The channel has it; a look of its own asks what became of it."""
    message_id = f"{message_id_of(WorkKind.DELIVERY, delivery.key)}-taken-{delivery.serial}"
    await ports.queue.send(look_of(delivery), message_id, at=ports.clock.now() + ASKED_AFTER)


async def _step(stored: StoredDelivery, ports: NotificationPorts) -> None:
    delivery, now = stored.delivery, ports.clock.now()
    channel = ports.channels.get(delivery.address.kind)
    if channel is None:
        reason = f"{delivery.address.kind.value} is not set up: see docs/notifications.md"
        await _save(steps.failed(delivery, now, reason, for_good=True), stored, ports)
    elif delivery.state is DeliveryState.TAKEN:
        await _ask(channel, stored, ports)
    elif delivery.claim is not None or delivery.requested_at is not None:
        await _settle(channel, stored, ports)
    else:
        await _send(channel, stored, ports)


async def _send(channel: Channel, stored: StoredDelivery, ports: NotificationPorts) -> None:
    worth = await _worth_telling(stored.delivery.items, ports)
    now = ports.clock.now()
    if not worth:
        await _save(steps.dropped(stored.delivery, now, "it was over before it was due"), stored, ports)
        return
    await _tried(channel, await _held(stored, worth, ports), ports)


async def _held(stored: StoredDelivery, items: Sequence[News], ports: NotificationPorts) -> StoredDelivery:
    """The right to send these, durable."""
    claimed = steps.claimed(stored.delivery, ports.clock.now(), items)
    return StoredDelivery(delivery=claimed, version=await ports.log.save(claimed, stored.version))


async def _tried(channel: Channel, held: StoredDelivery, ports: NotificationPorts) -> None:
    """One try, and what came of it on record."""
    delivery = held.delivery
    message = message_of(delivery, ports.board, takes_once=channel.takes_once)
    try:
        await channel.send(message, delivery.address.to, _requested_at(delivery))
    except PlatformOutcomeUnknown as error:
        await _save(steps.unsettled(delivery, ports.clock.now(), str(error)), held, ports)
        raise _Going(f"{delivery.address} gave no answer: {error}") from error
    except (PlatformRefused, TransientFault) as error:
        after = _failed(delivery, error, ports.clock.now())
        await _save(after, held, ports)
        if after.place != delivery.place or after.state.has_ended:
            return  # at the next address at once
        if isinstance(error, TransientFault):
            raise
        raise _Going(str(error)) from error
    await _save(steps.taken(delivery, ports.clock.now(), final=not channel.says_more), held, ports)
    log.info("%s was told of %s", delivery.recipient, ", ".join(each.item_id for each in delivery.items))


def _failed(delivery: Delivery, error: PortError, now: datetime) -> Delivery:
    """A try that certainly did not arrive. Where an earlier one may have, nothing is given up before the channel was
    asked. A channel that asks for patience has not failed, unless it asks for more than people have."""
    asks = isinstance(error, PlatformThrottled) and now - delivery.due_at < PATIENT_FOR
    if asks or delivery.outstanding is not None:
        return steps.put_off(delivery, now, str(error))
    return steps.failed(delivery, now, str(error), for_good=isinstance(error, PlatformRefused))


async def _settle(channel: Channel, stored: StoredDelivery, ports: NotificationPorts) -> None:
    """A request that nobody knows the end of. What the channel certainly does not have is sent again; while it may
    still arrive, as the same request at the same address, because the two are one."""
    delivery, now = stored.delivery, ports.clock.now()
    if delivery.claim and not delivery.claim.unanswered and now - delivery.claim.claimed_at < CLAIMED_FOR:
        raise _Going(f"message {delivery.key} is being sent")
    told = await channel.fate(delivery.message_id, _requested_at(delivery))
    if told.fate in (Fate.SENT, Fate.ON_ITS_WAY):
        await _save(steps.taken(delivery, now, final=told.fate is Fate.SENT), stored, ports)
    elif told.fate is Fate.FAILED:
        await _save(steps.failed(delivery, now, told.reason, for_good=True), stored, ports)
    elif told.fate is Fate.UNKNOWN:
        await _save(steps.doubtful(delivery, now), stored, ports)
    elif now - _requested_at(delivery) < CLAIMED_FOR:
        await _tried(channel, await _held(stored, delivery.items, ports), ports)
    elif now - delivery.tried_at < CLAIMED_FOR:
        raise _Going(f"{delivery.address} may get it still")
    else:
        await _save(steps.lost(delivery, now), stored, ports)


async def _ask(channel: Channel, stored: StoredDelivery, ports: NotificationPorts) -> None:
    """What became of a message that was taken: one that could not be delivered goes to the next address."""
    delivery, now = stored.delivery, ports.clock.now()
    told = await channel.fate(delivery.message_id, _requested_at(delivery))
    is_old = delivery.taken_at is not None and now - delivery.taken_at > ASKED_FOR
    if told.fate is Fate.FAILED:
        await _save(steps.failed(delivery, now, told.reason, for_good=True), stored, ports)
    elif told.fate is Fate.ON_ITS_WAY and not is_old:
        raise _Going(f"{delivery.address} has it")
    else:
        await _save(steps.arrived(delivery, now), stored, ports)


def _requested_at(delivery: Delivery) -> datetime:
    """Every claim notes it."""
    return delivery.requested_at or delivery.due_at


async def _worth_telling(items: Sequence[News], ports: NotificationPorts) -> list[News]:
    """Those of which nothing has become untrue."""
    return [each for each in items if await _holds(each, ports)]


async def _holds(item: News, ports: NotificationPorts) -> bool:
    still = item.still
    if still is None:
        return True
    release = await ports.releases.without_fleet(still.release_id)
    if release is None or release.phase.value not in still.phases:
        return False
    return still.since is None or release.phase_since == still.since


async def _save(after: Delivery, stored: StoredDelivery, ports: NotificationPorts) -> None:
    await ports.log.save(after, stored.version)
