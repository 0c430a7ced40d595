"""Trying later: a message about a release that met a fault makes room for its follow-up."""

from shared.application.release.ports import Ports
from shared.application.work.pause import follow_up
from shared.domain.release.commands import Command
from shared.domain.release.events import Event


async def try_later(message: Event | Command, message_id: str, error: Exception, ports: Ports) -> None:
    """Schedules the follow-up of `message`. Raises `error` again once the tries are used up: the message is then
    dead-lettered, and its release is held."""
    following = follow_up(message_id, error, ports.clock.now())
    if following is None:
        raise error
    if isinstance(message, Event):
        await ports.events.publish(message, at=following.at, message_id=following.message_id)
    else:
        await ports.commands.send(message, at=following.at, message_id=following.message_id)
