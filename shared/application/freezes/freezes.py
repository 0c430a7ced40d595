"""Setting, lifting and asking for freezes. A freeze counts from the moment it is stored: nothing has to hear of it,
because every forward change of production asks right before it is sent (I19)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.application.errors import NotFound, Unreadable
from shared.application.ids import content_digest
from shared.application.listed import each_of
from shared.application.release.effects.answers import answer
from shared.application.release.lists import open_entries
from shared.application.release.people import Answer
from shared.application.release.ports import Ports
from shared.domain.errors import Conflict
from shared.domain.freezes.freeze import (
    Freeze,
    Freezes,
    blocking,
    check_freeze,
    check_freezer,
    lifted,
    stops_at_a_freeze,
)
from shared.domain.release.commands import Command
from shared.domain.release.events import CircuitBusy
from shared.domain.release.model import Actor, Release
from shared.domain.release.steps import look_due

#: More freezes than this that have not ended are a mistake: each change of production reads them all.
FREEZES_MAX = 200


class NoSuchFreeze(NotFound):
    """There is no freeze with this id that has not ended."""


@dataclass(frozen=True, kw_only=True)
class FreezeDecided:
    """The answer, and the freeze as it is kept."""

    answer: Answer
    freeze: Freeze


async def set_freeze(
    scope: str,
    actor: Actor,
    reason: str,
    ports: Ports,
    *,
    until: datetime | timedelta,
    starts_at: datetime | None = None,
) -> FreezeDecided:
    """Freezes `scope` from `starts_at` (now) for a time or until a time. Raises NotEligible, InvalidRequest, Conflict.

    Times count in whole minutes, so that asking twice within a minute sets one freeze.
    """
    check_freezer(ports.config.freeze_groups(), actor)
    now = ports.clock.now()
    begins = _minute(starts_at or now)
    ends = begins + until if isinstance(until, timedelta) else until
    why = " ".join(reason.split())
    wanted = Freeze(
        freeze_id=f"{scope.lower()}-{content_digest(scope, actor.tenant_id, actor.object_id, begins, ends, why)}",
        scope=scope,
        who=actor.name,
        who_id=actor.object_id,
        why=why,
        starts_at=begins,
        ends_at=ends,
    )
    check_freeze(wanted, (*ports.config.fleet().circuits, *ports.config.online_names()), now)
    there = {each.freeze_id for each in await ports.freezes.not_ended(now)}
    if wanted.freeze_id not in there and len(there) >= FREEZES_MAX:
        raise Conflict(f"there are {len(there)} freezes that have not ended: set one with a wider scope instead")
    kept = await ports.freezes.put(wanted)
    if kept.lifted_at is not None:
        raise Conflict(f"{kept.lifted_by} has just lifted this very freeze: set it again in a minute")
    return FreezeDecided(
        answer=Answer.ALREADY_DONE if wanted.freeze_id in there else Answer.ACCEPTED,
        freeze=kept,
    )


async def lift_freeze(freeze_id: str, actor: Actor, reason: str, ports: Ports) -> FreezeDecided:
    """Ends a freeze before its time; waiting releases go on at once. Raises NotEligible, InvalidRequest, NoSuchFreeze;
    Unreadable for a freeze that this version cannot read.

    Lifting again does nothing but have the waiting releases look again.
    """
    check_freezer(ports.config.freeze_groups(), actor)
    now = ports.clock.now()
    found = next((each for each in await ports.freezes.not_ended(now) if each.freeze_id == freeze_id), None)
    if found is None:
        raise NoSuchFreeze(f"there is no freeze {freeze_id} that has not ended: list the freezes to find its id")
    if found.unreadable:
        raise Unreadable(f"freeze {freeze_id}", found.unreadable)
    wanted = lifted(found, actor, " ".join(reason.split()), now)
    kept = found if found.lifted_at else await ports.freezes.lift(wanted)
    await _look_again(kept, ports)
    return FreezeDecided(answer=Answer.ACCEPTED if kept == wanted else Answer.ALREADY_DONE, freeze=kept)


async def read_freezes(ports: Ports) -> Freezes:
    """The freezes that have neither ended nor been lifted, and who may lift them."""
    now = ports.clock.now()
    current = tuple(each for each in await ports.freezes.not_ended(now) if each.lifted_at is None)
    return Freezes(now=now, current=current, groups=ports.config.freeze_groups())


async def standing_before(release: Release, circuits: Iterable[str], ports: Ports) -> Freeze | None:
    """The freeze that forbids the current step of `release` to change `circuits` now; to be asked right before."""
    if not stops_at_a_freeze(release):
        return None
    now = ports.clock.now()
    return blocking(await ports.freezes.not_ended(now), circuits, now)


def busy_by_freeze(command: Command, freeze: Freeze, ports: Ports) -> CircuitBusy:
    """The answer of a step that a freeze stops."""
    return answer(CircuitBusy, command, ports, holder=str(freeze), frozen=True)


async def _look_again(freeze: Freeze, ports: Ports) -> None:
    """Has waiting releases look now, instead of at their next look in a few minutes."""
    standing = [each.release_id async for each in open_entries(ports) if each.summary is None or each.summary.ahead]
    for stored in await each_of(standing, ports.store.load):
        if stops_at_a_freeze(stored.release) and stored.release.look_at is not None:
            event = look_due(stored.release)
            await ports.events.publish(event, message_id=f"{event.event_id}-lift-{freeze.freeze_id}")


def _minute(time: datetime) -> datetime:
    return time.replace(second=0, microsecond=0)
