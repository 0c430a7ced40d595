"""What people ask about notifications."""

from dataclasses import dataclass

from shared.application.errors import NotFound, Unreadable
from shared.application.notifications.ports import NotificationPorts
from shared.domain.notifications.delivery import Delivery
from shared.domain.notifications.notice import Notice, NoticeState


@dataclass(frozen=True, kw_only=True)
class ToldOf:
    """The messages that tell of a release, the facts that nobody was told of, and what cannot be read of both."""

    deliveries: tuple[Delivery, ...]
    untold: tuple[Notice, ...]
    unreadable: tuple[Unreadable, ...]


async def told_of(release_id: str, ports: NotificationPorts) -> ToldOf:
    """Who was told of the release, the first message first. Raises NotFound and TransientFault."""
    if await ports.releases.without_fleet(release_id) is None:
        raise NotFound(f"there is no release {release_id}: list the releases to find its id")
    notices, deliveries = await ports.log.of_release(release_id)
    return ToldOf(
        deliveries=tuple(sorted(deliveries, key=lambda each: (each.due_at, each.recipient))),
        untold=tuple(each for each in notices if each.state is not NoticeState.ROUTED),
        unreadable=(*notices.unreadable, *deliveries.unreadable),
    )
