"""Outbox to queues. Commands leave after their commit, are sent until that is known, and are then forgotten."""

from shared.application.release.ports import Ports
from shared.domain.release.commands import Command, ScheduleEvent
from shared.domain.release.model import Release


async def dispatch(release: Release, ports: Ports) -> int:
    """Sends what the outbox of `release` holds, oldest first; returns how many. A release that ended with an empty
    outbox leaves the open index. A crash anywhere is repaired by the next event or by the sweeper (I22)."""
    commands = await ports.store.outbox(release.release_id)
    for command in commands:
        await _send(command, ports)
        await ports.store.mark_sent(release.release_id, command.command_id)
    if release.phase.is_terminal:
        await ports.store.close(release.release_id, release.phase_since)
    return len(commands)


async def _send(command: Command, ports: Ports) -> None:
    if isinstance(command, ScheduleEvent):
        await ports.events.publish(command.event, at=command.not_before)
    else:
        await ports.commands.send(command)
