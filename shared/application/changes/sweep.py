"""The safety net of merged changes: an accepted one whose message was never sent, or got lost, is looked at again."""

import logging
from datetime import timedelta

from shared.application.changes.ports import ChangePorts

log = logging.getLogger(__name__)

SWEPT_MAX = 20
"""Of the latest changes. An older one is part of a later one and needs no look of its own."""

AWAITED = timedelta(hours=1)
"""All tries of a change are over by then, unless Azure ML asked for patience; two looks do no harm."""

PAUSE_S = 600
"""Between two messages of one change: the window in which the queue drops duplicates."""


async def sweep_changes(ports: ChangePorts) -> int:
    """Sends a message, one in ten minutes, for each change that waits longer than its own ones would let it; how many
    wait. Such a message begins the tries anew, so that every accepted change ends. Raises TransientFault."""
    now = ports.clock.now()
    latest = await ports.log.latest(SWEPT_MAX)
    lost = [each for each in latest if not each.is_ended and each.accepted_at + AWAITED < now]
    for each in lost:
        log.warning("change %s waits since %s", each.change_id, each.accepted_at)
        await ports.queue.send(each.change_id, message_id=f"{each.change_id}-sweep-{int(now.timestamp()) // PAUSE_S}")
    return len(lost)
