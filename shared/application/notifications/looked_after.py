"""How facts and messages are looked after: two kinds of work on one queue, and a sweep for both."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from shared.application.listed import Listed
from shared.application.notifications.ports import NotificationPorts, OpenWork
from shared.application.notifications.send import deliver
from shared.application.notifications.tell import message_id_of, route
from shared.application.work.look import Look, LookedAfter, WorkKind
from shared.application.work.sweep import LateLook, Net, resend
from shared.domain.notifications.delivery import given_up
from shared.domain.notifications.notice import NoticeState

PATIENCE = timedelta(days=1)
"""What cannot be told for that long is given up; before that the sweep has it looked at once an hour."""

LATE_S = 60.0
SWEPT_MAX = 100


def notices_looked_after(ports: NotificationPorts) -> LookedAfter:
    """A fact that is given up says why, and stays open until PATIENCE is over."""

    async def give_up(key: str, reason: str) -> None:
        stored = await ports.log.notice(key)
        if stored is not None and stored.notice.is_open:
            is_over = ports.clock.now() - stored.notice.accepted_at > PATIENCE
            after = replace(stored.notice, note=reason)
            over = replace(after, state=NoticeState.GIVEN_UP)
            await ports.log.save_notice(over if is_over else after, stored.version)

    return LookedAfter(look=lambda look: route(look.key, ports), give_up=give_up, queue=ports.queue, clock=ports.clock)


def deliveries_looked_after(ports: NotificationPorts) -> LookedAfter:
    """A message that is given up says why. It is undeliverable once PATIENCE is over."""

    async def give_up(key: str, reason: str) -> None:
        stored = await ports.log.delivery(key)
        if stored is not None and not stored.delivery.state.has_ended:
            now = ports.clock.now()
            is_over = now - stored.delivery.due_at > PATIENCE
            after = given_up(stored.delivery, now, reason) if is_over else replace(stored.delivery, note=reason)
            await ports.log.save(after, stored.version)

    return LookedAfter(
        look=lambda look: deliver(look.key, ports), give_up=give_up, queue=ports.queue, clock=ports.clock
    )


def nets(ports: NotificationPorts) -> list[Net[Any]]:
    """Facts that nobody took care of, and messages whose time has come."""

    async def notices() -> Listed[OpenWork]:
        return await ports.log.open_notices(SWEPT_MAX)

    async def messages() -> Listed[OpenWork]:
        return await ports.log.open_deliveries(ports.clock.now(), SWEPT_MAX)

    return [_net("notices", WorkKind.NOTICE, notices, ports), _net("messages", WorkKind.DELIVERY, messages, ports)]


def _net(
    name: str, kind: WorkKind, late: Callable[[], Awaitable[Listed[OpenWork]]], ports: NotificationPorts
) -> Net[OpenWork]:
    async def look(work: OpenWork) -> int:
        again = LateLook(
            look=Look(kind=kind, key=work.key), message_id=message_id_of(kind, work.key), since=work.due_at
        )
        return await resend(again, ports.queue, ports.clock.now(), grace_s=LATE_S)

    return Net(name=name, late=late, look=look, id_of=lambda work: work.key)
