"""What was rolled back is told to the releases that had brought it, and marked in the registry."""

import logging

from shared.application.errors import PlatformBlocked, PlatformRefused, TransientFault
from shared.application.release.effects.answers import PLATFORM_FAULTS
from shared.application.release.ports import Ports
from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.dimensions import ROLLED_BACK_TAGS
from shared.domain.release.lowering import asset_of
from shared.domain.release.model import Dimension, Kind, Release
from shared.domain.tags import as_tag

log = logging.getLogger(__name__)


async def mark_rolled_back(command: c.MarkRolledBack, ports: Ports) -> None:
    """Raises TransientFault while the registry cannot be marked: the command comes again."""
    for release_id in command.undone:
        undone = await ports.store.without_fleet(release_id)
        if undone is None:
            continue
        if release_id != command.release_id:
            event_id = f"{release_id}-undone-by-{command.release_id}"
            await ports.events.publish(
                e.Undone(
                    event_id=event_id,
                    release_id=release_id,
                    occurred_at=command.at,
                    by=command.release_id,
                    reason=command.reason,
                )
            )
        await _mark(undone, command, ports)


async def _mark(undone: Release, command: c.MarkRolledBack, ports: Ports) -> None:
    what = Dimension.MODEL if undone.kind in (Kind.MODEL, Kind.ONLINE) else Dimension.ENVIRONMENT
    name, version = asset_of(undone.registry_model_id or undone.registry_environment_id)
    by, at, reason = ROLLED_BACK_TAGS
    tags = {by: command.release_id, at: command.at.strftime("%Y-%m-%dT%H:%M:%SZ"), reason: as_tag(command.reason)}
    try:
        await ports.platform.mark(what, name, version, tags)
    except PLATFORM_FAULTS as error:
        if isinstance(error, PlatformRefused) and not isinstance(error, PlatformBlocked):
            log.warning("%s is not marked: %s", undone.asset, error, extra={"release_id": command.release_id})
            return
        raise TransientFault(f"{undone.asset} could not be marked as rolled back: {error}") from error


async def rolled_back(what: Dimension, name: str, version: str, ports: Ports) -> str:
    """What the registry says of a version that was rolled back; empty of any other. Raises the Platform* errors."""
    by, at, reason = ROLLED_BACK_TAGS
    marks = await ports.platform.marks(what, name, version)
    return f"{marks[by]} at {marks.get(at, 'an unknown time')}: {marks.get(reason, '')}" if by in marks else ""
