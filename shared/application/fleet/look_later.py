"""Looking at one target again after a while, without the release: what is under way is no news.

The release hears of what ends, and of a change also that it was accepted, so that waiting for a fleet costs it no
commits.
"""

from dataclasses import replace
from datetime import timedelta
from math import inf

from shared.application.release.ports import Ports
from shared.domain.release import commands as c
from shared.domain.release.model import Release

#: Reads of all targets together. Azure Resource Manager allows 25 a second; a change costs four more.
READS_PER_S = 20


async def look_later(
    command: c.CheckTarget | c.ChangeTarget,
    release: Release,
    ports: Ports,
    *,
    share: float,
    least_s: float,
    most_s: float = inf,
) -> None:
    """Sends the command again after this `share` of the time that its work has taken so far, within the limits.

    The id names the time of the look, so that several who look at one target become one. What the release's own look
    has sent again has taken a look interval at least.
    """
    now = ports.clock.now()
    since = command.not_before or now - timedelta(seconds=release.policy.limits.look_interval_s)
    pause_s = max(least_s, min(most_s, share * (now - since).total_seconds()))
    at = now + timedelta(seconds=pause_s)
    look = f"{command.serial}-{command.target_key.lower()}-{command.attempt}-{command.look}"
    message_id = f"{command.release_id}-{look}-at-{int(at.timestamp() // pause_s)}"
    await ports.commands.send(replace(command, not_before=since), at=at, message_id=message_id)
