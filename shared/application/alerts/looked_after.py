"""How accepted alerts are looked after."""

from datetime import datetime, timedelta
from typing import Any

from shared.application.alerts.assess import assess_alert, give_up, look_of, message_id_of
from shared.application.alerts.ports import AlertPorts
from shared.application.alerts.reconcile import LATE_S, firing_net
from shared.application.listed import Listed
from shared.application.work.look import LookedAfter
from shared.application.work.sweep import LateLook, Net, resend

SWEPT_MAX = 100
SWEPT_FOR = timedelta(days=1)
"""An alert nobody could decide on for a day stays undecided on the list; it is as old as a watch is long."""


def looked_after(ports: AlertPorts) -> LookedAfter:
    """An alert that is given up says why and stays undecided."""
    return LookedAfter(
        look=lambda look: assess_alert(look.key, ports),
        give_up=lambda key, reason: give_up(key, reason, ports),
        queue=ports.queue,
        clock=ports.releases.clock,
    )


def nets(ports: AlertPorts) -> list[Net[Any]]:
    """Alerts that should have been looked at by now; after them, because Azure Monitor may take long to answer, those
    that fire and nobody brought."""

    async def undecided() -> Listed[tuple[str, datetime]]:
        return await ports.log.undecided(SWEPT_MAX)

    async def look(alert: tuple[str, datetime]) -> int:
        (key, accepted_at), now = alert, ports.releases.clock.now()
        if now - accepted_at > SWEPT_FOR:
            return 0
        late = LateLook(look=look_of(key), message_id=message_id_of(key), since=accepted_at)
        return await resend(late, ports.queue, now, grace_s=LATE_S)

    return [Net(name="alerts", late=undecided, look=look, id_of=lambda each: each[0]), firing_net(ports)]
