"""Outbox to queues. Commands leave after their commit, are sent until that is known, and are then forgotten."""

from shared.application.errors import TransientFault
from shared.application.release.ports import CommittedRelease, Ports
from shared.application.release.resting import rest_of
from shared.application.release.summary import summary_of
from shared.domain.release.commands import Command, ScheduleEvent
from shared.domain.release.model import Release


async def dispatch(standing: CommittedRelease, ports: Ports) -> int:
    """Sends what the outbox of a release holds, oldest first, and forgets it once all of it was sent; returns how many.
    With an empty outbox a release that ended leaves the open index, and one that may rest is laid to rest there. A
    crash anywhere is repaired by the next event or by the sweeper (I22): what was sent twice acts once."""
    release = standing.release
    sent: list[str] = []
    try:
        for command in standing.unsent:
            await _send(command, ports)
            sent.append(command.command_id)
    except TransientFault:
        await _forget(release, sent, ports)  # so that what is left becomes less with every try
        raise
    await _forget(release, sent, ports)
    if release.phase.is_terminal:
        await ports.store.close(summary_of(release), release.phase_since, standing.number)
    elif standing.may_rest and (rest := rest_of(release, standing.number)):
        await ports.store.rest(rest)
    return len(standing.unsent)


async def _forget(release: Release, sent: list[str], ports: Ports) -> None:
    if sent:
        await ports.store.mark_sent(release.release_id, sent)


async def _send(command: Command, ports: Ports) -> None:
    if isinstance(command, ScheduleEvent):
        await ports.events.publish(command.event, at=command.not_before)
    else:
        await ports.commands.send(command)
