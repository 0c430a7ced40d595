"""Going back: a release that is under way is asked to; one that has ended as released gets a rollback of its own."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from shared.application.fleet.earlier_versions import recorded, versions_before
from shared.application.ids import content_digest, rollback_id
from shared.application.release.attempts import ROLLBACKS_MAX
from shared.application.release.people import Answer, Decided, NoSuchRelease, submit
from shared.application.release.ports import Ports
from shared.domain.errors import Conflict
from shared.domain.fleet.meter import AlertSeen
from shared.domain.release.decide import open_rollback
from shared.domain.release.events import RollbackOpened, RollbackRequested
from shared.domain.release.model import Actor, Kind, Phase, Release

#: In these phases a rollback can still be made critical.
_BEFORE_IT_BEGINS = (Phase.FREEZING_TARGETS, Phase.AWAITING_ROLLBACK_APPROVAL)


async def request_rollback(
    release_id: str,
    actor: Actor,
    reason: str,
    ports: Ports,
    *,
    critical: bool,
    alert: AlertSeen | None = None,
    models: Collection[str] = (),
    to: str = "",
) -> Decided:
    """Puts what the release changed back to what ran before; answers with the release that does it.

    With an environment, `models` are releases of models to go back by the same rollback, circuit by circuit; those that
    did not end as released, or replaced nothing, are left out of the answer's `models`. `to` is an earlier version to
    go back to, of those that the history knows; without it, that is what ran before. `critical` asks for it without
    the gate, where the policy allows that. One rollback is enough: asking while one is under way, or after one
    succeeded, finds that one, and so does the same alert. Raises DomainError and NoSuchRelease.
    """
    stored = await ports.store.load(release_id)
    if stored is None:
        raise NoSuchRelease(f"there is no release {release_id}: list the releases to find its id")
    release = stored.release
    if release.kind is Kind.ROLLBACK:
        raise Conflict(f"{release_id} is a rollback itself: release the version you want instead")
    if release.kind is Kind.ONLINE and release.phase.is_terminal:
        raise Conflict(f"{release_id} has ended: release the version again that shall serve")
    by_circuit = await _by_circuit(models, ports)
    wish = _Wish(actor=actor, reason=reason, critical=critical, alert=alert, models=by_circuit, to=to)
    if release.phase is Phase.RELEASED:
        return await _open(release, wish, ports)
    if to:
        raise Conflict(f"{release_id} has not ended as released: it goes back to what ran before it and nothing else")
    if release.kind is Kind.MODEL and not release.phase.is_terminal:
        raise Conflict(f"{release_id} has not ended: abort it, which puts production back if it was touched")
    return await _ask(release, wish, ports)


@dataclass(frozen=True, kw_only=True)
class _Wish:
    """Who wants to go back, why, to which version but the one before, and with which models by circuit."""

    actor: Actor
    reason: str
    critical: bool
    alert: AlertSeen | None
    models: dict[str, str]
    to: str = ""


async def check_pair(release_id: str, models: Collection[str], ports: Ports) -> None:
    """Whether these releases of models can go back with that of an environment, for a person who asks for both. Raises
    Conflict, with the one that cannot, and NoSuchRelease."""
    stored = await ports.store.load(release_id)
    if stored is None:
        raise NoSuchRelease(f"there is no release {release_id}: list the releases to find its id")
    if stored.release.kind is not Kind.ENVIRONMENT:
        raise Conflict(f"models go back with an environment, and {release_id} is none: roll each of them back")
    able = set((await _by_circuit(models, ports)).values())
    if unable := sorted(set(models) - able):
        told = ", ".join(unable)
        raise Conflict(f"{told} cannot go back with it: only a released model that replaced another, one per circuit")


async def _by_circuit(models: Collection[str], ports: Ports) -> dict[str, str]:
    """Those that can go back with an environment."""
    stored = [await ports.store.load(release_id) for release_id in sorted(models)]
    found = (each.release for each in stored if each and each.release.kind is Kind.MODEL)
    return {r.target.key: r.release_id for r in found if r.phase is Phase.RELEASED and r.target.previous is not None}


async def _ask(release: Release, wish: _Wish, ports: Ports) -> Decided:
    """Of a release that has not ended. What a rollback of its own puts back was listed when it was opened."""
    decided = await submit(_requested(release, wish, ports), ports)
    takes_them = release.kind is Kind.ENVIRONMENT and decided.answer is Answer.ACCEPTED
    models = wish.models if takes_them else release.undoes_models
    return replace(decided, models=frozenset(models.values()))


def _requested(release: Release, wish: _Wish, ports: Ports) -> RollbackRequested:
    about = (wish.actor.object_id, release.serial, wish.critical, wish.alert.alert_id if wish.alert else "")
    return RollbackRequested(
        event_id=f"{release.release_id}-rollback-{content_digest(*about)}",
        release_id=release.release_id,
        occurred_at=ports.clock.now(),
        actor=wish.actor,
        reason=wish.reason,
        critical=wish.critical,
        alert=wish.alert,
        models=wish.models,
    )


async def _open(undone: Release, wish: _Wish, ports: Ports) -> Decided:
    targets = recorded(undone)
    if not targets:
        raise Conflict(f"{undone.release_id} replaced nothing: delete its deployment, or release another version")
    for number in range(1, ROLLBACKS_MAX + 1):
        there = await ports.store.load(rollback_id(undone.release_id, number))
        if there is None:
            break
        if there.release.undoes != undone.release_id:
            continue
        if wish.critical and there.release.phase in _BEFORE_IT_BEGINS and not there.release.critical:
            return await _ask(there.release, wish, ports)
        if _is_enough(there.release, wish.alert):
            if wish.to != there.release.undoes_to and not wish.alert:
                _refuse_another_version(there.release)
            models = frozenset(there.release.undoes_models.values())
            return Decided(answer=Answer.ALREADY_DONE, release=there.release, models=models)
    else:
        raise Conflict(f"{ROLLBACKS_MAX} rollbacks of {undone.release_id} did not succeed: look at those first")
    await _check_version(undone, wish.to, ports)
    event = RollbackOpened(
        event_id=f"{rollback_id(undone.release_id, number)}-opened",
        release_id=rollback_id(undone.release_id, number),
        occurred_at=ports.clock.now(),
        actor=wish.actor,
        reason=wish.reason,
        critical=wish.critical,
        alert=wish.alert,
        models=wish.models if undone.kind is Kind.ENVIRONMENT else {},
        undoes=undone.release_id,
        to=wish.to,
        workspace=undone.asset_workspace,
        asset_name=undone.asset_name,
        asset_version=undone.asset_version,
        endpoints=tuple(sorted({previous.endpoint_name for _, previous in targets})),
        circuits=tuple(sorted(key for key, _ in targets)),
    )
    decision = open_rollback(event, ports.config.policy(Kind.ROLLBACK), ports.clock.now())
    await ports.events.publish(event)
    if decision.release.critical:  # somebody may have opened it a moment ago, and less urgently
        await ports.events.publish(_requested(decision.release, wish, ports))
    models = frozenset(decision.release.undoes_models.values())
    return Decided(answer=Answer.ACCEPTED, release=decision.release, models=models)


def _refuse_another_version(rollback: Release) -> None:
    """Raises Conflict: it was asked to go back to something else than somebody wants now."""
    to = f"version {rollback.undoes_to}" if rollback.undoes_to else "what ran before"
    what = "has gone" if rollback.phase is Phase.ROLLED_BACK else "goes"
    raise Conflict(f"{rollback.release_id} {what} back to {to}: roll back what production runs then, or abort that one")


async def _check_version(undone: Release, to: str, ports: Ports) -> None:
    if not to:
        return
    known = await versions_before(undone, ports)
    if to not in known:
        raise Conflict(f"{undone.release_id} cannot go back to {to}: before it ran {', '.join(known)}")


def _is_enough(rollback: Release, alert: AlertSeen | None) -> bool:
    """It is under way or succeeded; and the same alert never leads to a second rollback (I20)."""
    if not rollback.phase.is_terminal or rollback.phase is Phase.ROLLED_BACK:
        return True
    return alert is not None and rollback.meter is not None and alert.alert_id in rollback.meter.alerts
