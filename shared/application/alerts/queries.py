"""What people ask about alerts."""

import logging
from collections.abc import Collection

from shared.application.alerts.ports import AlertPorts
from shared.application.errors import TransientFault
from shared.application.paging import Page
from shared.domain.alerts.model import AlertFacts, AlertRecord
from shared.domain.release.model import Release

log = logging.getLogger(__name__)


async def list_alerts(ports: AlertPorts, limit: int, after: str = "") -> Page[AlertRecord]:
    """The latest first, from behind `after` on."""
    return await ports.log.latest(limit, after=after)


async def alerts_still_firing(ports: AlertPorts, circuits: Collection[str] = ()) -> list[AlertFacts]:
    """Alerts of listed rules that fired within a day and still fire, by Azure Monitor's word.

    With `circuits` (`P001/C001`), only those that name one of them or none at all. Whoever verifies a rollback asks
    before and after: the number must fall.
    """
    policy, wanted = ports.config.alerts(), frozenset(circuits)
    return [
        facts
        for facts in await ports.source.firing()
        if policy.rule_of(facts) and (not wanted or not facts.circuits or wanted & set(facts.circuits))
    ]


async def alerts_firing(release: Release, ports: AlertPorts) -> int | None:
    """How many alerts about the release's circuits fire now; None when Azure Monitor does not answer."""
    circuits = [target.key.replace("-", "/") for target in release.fleet]
    try:
        return len(await alerts_still_firing(ports, circuits))
    except TransientFault as error:
        log.warning("alerts could not be counted: %s", error, extra={"release_id": release.release_id})
        return None
