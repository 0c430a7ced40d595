"""What fires in Azure, compared with what was accepted.

An action group gives an alert up after a minute or two, and at once where the app answers 404 or 500: what fires while
the app is away never comes. So the sweep asks Azure Monitor for what fires and brings in what nobody brought.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from shared.application.alerts.assess import accept_alert, look_of, message_id_of
from shared.application.alerts.ports import ALERTS_MAX, AlertPorts
from shared.application.work.sweep import LateLook, Net, resend
from shared.domain.alerts.model import AlertFacts, AlertRecord, AlertState
from shared.domain.alerts.rules import FIRED_TOLERANCE_S, alert_key, same_firing

log = logging.getLogger(__name__)

SOURCE = "reconciliation"
SENDER = "azure-monitor"

BROUGHT_WITHIN = timedelta(minutes=3)
"""The five tries of an action group take 75 s and their answers; until then the alert is left to it."""

FOUND_MAX = 100
"""Of one sweep; the rest is for the next one."""

LATE_S = 15
"""An alert whose look is late by this much has lost it; a quarter of the minute that L5 leaves."""


@dataclass(frozen=True, kw_only=True)
class Firing:
    """An alert that fires by Azure Monitor's word, and what was accepted of this firing; None when nothing was."""

    told: AlertFacts
    record: AlertRecord | None


def firing_net(ports: AlertPorts) -> Net[Firing]:
    """Alerts of listed rules that fire and were not decided on, or not by what Azure Monitor told."""

    async def left() -> list[Firing]:
        return await _left(ports)

    async def look(each: Firing) -> int:
        return await _make_good(each, ports)

    return Net(name="alerts that nobody brought", late=left, look=look, id_of=lambda each: each.told.instance_id)


async def _left(ports: AlertPorts) -> list[Firing]:
    policy, before = ports.config.alerts(), ports.releases.clock.now() - BROUGHT_WITHIN
    firing = [told for told in await ports.source.firing() if policy.rule_of(told) and told.fired_at <= before]
    if not firing:
        return []
    oldest = min(told.fired_at for told in firing) - timedelta(seconds=FIRED_TOLERANCE_S)
    recent = (await ports.log.latest(ALERTS_MAX, since=oldest)).records
    found = [Firing(told=told, record=_record_of(told, recent)) for told in firing]
    left = [each for each in found if each.record is None or not _is_settled(each.record)]
    return sorted(left, key=lambda each: each.record is not None)[:FOUND_MAX]  # those that nobody brought first


def _record_of(told: AlertFacts, recent: Sequence[AlertRecord]) -> AlertRecord | None:
    """Of several records of one firing the one that is furthest."""
    same = [each for each in recent if each.claim.fired and same_firing(each.claim, told)]
    return max(same, key=lambda each: (_is_settled(each), each.state is not AlertState.DECIDED), default=None)


def _is_settled(record: AlertRecord) -> bool:
    return record.state is AlertState.DECIDED and record.told is not None


async def _make_good(firing: Firing, ports: AlertPorts) -> int:
    stored = await ports.log.load(firing.record.key if firing.record else alert_key(firing.told))
    if stored is None:
        log.warning("alert %s fires in Azure Monitor and no message came: accepting it now", firing.told.instance_id)
        _, is_new = await accept_alert(firing.told, SOURCE, SENDER, ports)
        return int(is_new)
    record = stored.record
    if _is_settled(record):
        return 0
    if record.state is AlertState.DECIDED:  # nobody confirmed it then; that it fires is Azure Monitor's own word
        log.warning("alert %s was decided before Azure Monitor confirmed it, and fires: deciding again", record.key)
        record = replace(record, told=firing.told, state=AlertState.CONFIRMED, decision=None, decided_at=None, note="")
        await ports.log.save(record, stored.version)
        await ports.queue.send(look_of(record.key), f"{message_id_of(record.key)}-fires")
        return 1
    late = LateLook(look=look_of(record.key), message_id=message_id_of(record.key), since=record.accepted_at)
    return await resend(late, ports.queue, ports.releases.clock.now(), grace_s=LATE_S)
