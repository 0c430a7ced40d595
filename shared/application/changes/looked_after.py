"""How merged changes are looked after."""

from datetime import timedelta
from typing import Any

from shared.application.changes.ports import ChangePorts
from shared.application.changes.take import give_up, look_of, take_change
from shared.application.listed import Listed
from shared.application.work.look import LookedAfter
from shared.application.work.sweep import LateLook, Net, resend
from shared.domain.changes.record import ChangeRecord

SWEPT_MAX = 20
"""Of the latest changes. An older one is part of a later one and needs no look of its own."""

LATE_S = timedelta(hours=1).total_seconds()
"""All tries of a change are over by then, unless a service asked for patience; two looks do no harm."""


def looked_after(ports: ChangePorts) -> LookedAfter:
    """A change fails when it is given up; sending its webhook again begins anew."""
    return LookedAfter(
        look=lambda look: take_change(look.key, ports),
        give_up=lambda key, reason: give_up(key, reason, ports),
        queue=ports.queue,
        clock=ports.clock,
    )


def nets(ports: ChangePorts) -> list[Net[Any]]:
    """Accepted changes whose message was lost."""

    async def waiting() -> Listed[ChangeRecord]:
        found = (await ports.log.latest(SWEPT_MAX)).records
        return Listed((each for each in found if not each.is_ended), found.unreadable)

    async def look(change: ChangeRecord) -> int:
        message_id = f"{change.change_id}-swept"
        late = LateLook(look=look_of(change.change_id), message_id=message_id, since=change.accepted_at)
        return await resend(late, ports.queue, ports.clock.now(), grace_s=LATE_S)

    return [Net(name="changes", late=waiting, look=look, id_of=lambda each: each.change_id)]
