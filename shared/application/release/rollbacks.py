"""Going back: a release that is under way is asked to; one that has ended as released gets a rollback of its own."""

from shared.application.ids import RELEASE_ID_MAX, content_digest
from shared.application.release.effects.rollback import recorded
from shared.application.release.people import Answer, Decided, NoSuchRelease, submit
from shared.application.release.ports import Ports
from shared.domain.errors import Conflict
from shared.domain.fleet.meter import AlertSeen
from shared.domain.release.decide import open_rollback
from shared.domain.release.events import RollbackOpened, RollbackRequested
from shared.domain.release.model import Actor, Kind, Phase, Release

#: More rollbacks of one release than this are somebody going round in circles.
ROLLBACKS_MAX = 20

#: In these phases a rollback can still be made critical.
_BEFORE_IT_BEGINS = (Phase.FREEZING_TARGETS, Phase.AWAITING_ROLLBACK_APPROVAL)


async def request_rollback(
    release_id: str, actor: Actor, reason: str, ports: Ports, *, critical: bool, alert: AlertSeen | None = None
) -> Decided:
    """Puts what the release changed back to what ran before; answers with the release that does it.

    `critical` asks for it without the gate, where the policy allows that. One rollback is enough: asking while one is
    under way, or after one succeeded, finds that one, and so does the same alert. Raises DomainError and NoSuchRelease.
    """
    stored = await ports.store.load(release_id)
    if stored is None:
        raise NoSuchRelease(f"there is no release {release_id}: list the releases to find its id")
    release = stored.release
    if release.kind is Kind.ROLLBACK:
        raise Conflict(f"{release_id} is a rollback itself: release the version you want instead")
    if release.phase is Phase.RELEASED:
        return await _open(release, actor, reason, ports, critical=critical, alert=alert)
    if release.kind is Kind.MODEL and not release.phase.is_terminal:
        raise Conflict(f"{release_id} has not ended: abort it, which puts production back if it was touched")
    return await _ask(release, actor, reason, ports, critical=critical, alert=alert)


async def _ask(
    release: Release, actor: Actor, reason: str, ports: Ports, *, critical: bool, alert: AlertSeen | None
) -> Decided:
    """Of a release that has not ended."""
    return await submit(_wish(release, actor, reason, ports, critical=critical, alert=alert), ports)


def _wish(
    release: Release, actor: Actor, reason: str, ports: Ports, *, critical: bool, alert: AlertSeen | None
) -> RollbackRequested:
    wish = (actor.object_id, release.serial, critical, alert.alert_id if alert else "")
    return RollbackRequested(
        event_id=f"{release.release_id}-rollback-{content_digest(*wish)}",
        release_id=release.release_id,
        occurred_at=ports.clock.now(),
        actor=actor,
        reason=reason,
        critical=critical,
        alert=alert,
    )


async def succeeded_rollback(release_id: str, ports: Ports) -> Release | None:
    """The rollback of its own by which production went back from what the release brought; None when there is none."""
    for number in range(1, ROLLBACKS_MAX + 1):
        found = await ports.store.without_fleet(rollback_id(release_id, number))
        if found is None:
            return None
        if found.undoes == release_id and found.phase is Phase.ROLLED_BACK:
            return found
    return None


def rollback_id(undone: str, number: int) -> str:
    """The id of a release's rollback, from 1 on; short enough for the ids that are derived from it."""
    suffix = f"-rollback-{number}"
    return f"{undone[: RELEASE_ID_MAX - len(suffix)].strip('-')}{suffix}"


async def _open(
    undone: Release, actor: Actor, reason: str, ports: Ports, *, critical: bool, alert: AlertSeen | None
) -> Decided:
    targets = recorded(undone)
    if not targets:
        raise Conflict(f"{undone.release_id} replaced nothing: delete its deployment, or release another version")
    for number in range(1, ROLLBACKS_MAX + 1):
        there = await ports.store.load(rollback_id(undone.release_id, number))
        if there is None:
            break
        if there.release.undoes != undone.release_id:
            continue
        if critical and there.release.phase in _BEFORE_IT_BEGINS and not there.release.critical:
            return await _ask(there.release, actor, reason, ports, critical=critical, alert=alert)
        if _is_enough(there.release, alert):
            return Decided(answer=Answer.ALREADY_DONE, release=there.release)
    else:
        raise Conflict(f"{ROLLBACKS_MAX} rollbacks of {undone.release_id} did not succeed: look at those first")
    event = RollbackOpened(
        event_id=f"{rollback_id(undone.release_id, number)}-opened",
        release_id=rollback_id(undone.release_id, number),
        occurred_at=ports.clock.now(),
        actor=actor,
        reason=reason,
        critical=critical,
        alert=alert,
        undoes=undone.release_id,
        workspace=undone.asset_workspace,
        asset_name=undone.asset_name,
        asset_version=undone.asset_version,
        endpoints=tuple(sorted({previous.endpoint_name for _, previous in targets})),
        circuits=tuple(sorted(key for key, _ in targets)),
    )
    decision = open_rollback(event, ports.config.policy(Kind.ROLLBACK), ports.clock.now())
    await ports.events.publish(event)
    if decision.release.critical:  # somebody may have opened it a moment ago, and less urgently
        await ports.events.publish(_wish(decision.release, actor, reason, ports, critical=critical, alert=alert))
    return Decided(answer=Answer.ACCEPTED, release=decision.release)


def _is_enough(rollback: Release, alert: AlertSeen | None) -> bool:
    """It is under way or succeeded; and the same alert never leads to a second rollback (I20)."""
    if not rollback.phase.is_terminal or rollback.phase is Phase.ROLLED_BACK:
        return True
    return alert is not None and rollback.meter is not None and alert.alert_id in rollback.meter.alerts
