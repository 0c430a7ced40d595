"""Rules of going back: who may ask, at once or at a gate, inside a release or, once it has ended, in one of its own."""

from datetime import datetime
from math import ceil
from typing import Any

from shared.domain.errors import InvalidRequest
from shared.domain.fleet.meter import AlertSeen, Meter
from shared.domain.fleet.rules import listing_goes_on
from shared.domain.fleet.targets import roll_back
from shared.domain.people import check_operator
from shared.domain.records import replace
from shared.domain.release import events as e
from shared.domain.release.model import Actor, Phase, Release
from shared.domain.release.moves import Move, end, enter, stay
from shared.domain.release.policy import Stage
from shared.domain.release.rules_gates import approval_submitted


def wanted(release: Release, event: e.RollbackRequested, now: datetime) -> dict[str, Any]:
    """What a release keeps of the wish to roll back. Raises NotEligible and InvalidRequest.

    An alert was verified before it became an event; anybody else must be a person who may operate releases.
    """
    if event.alert is None:
        check_operator(release, event.actor)
    if not event.reason.strip():
        raise InvalidRequest("rolling back needs a reason: it is written on every deployment")
    return _kept(release, event.actor, event.reason, now, critical=event.critical, alert=event.alert)


def _kept(
    release: Release, actor: Actor, reason: str, now: datetime, *, critical: bool, alert: AlertSeen | None = None
) -> dict[str, Any]:
    critical = critical and release.policy.critical_at_once
    known = release.meter.alerts if release.meter else ()
    alerts = (*known, alert.alert_id) if alert and alert.alert_id not in known else known
    return {
        "critical": critical,
        "rollback_by": (actor.object_id, actor.username),
        "rollback_reason": f"{actor.name}: {reason}",
        "meter": Meter(requested_at=now, alert=alert, alerts=alerts, decided_at=now if critical else None),
    }


def wished(release: Release, actor: Actor, reason: str, now: datetime, *, critical: bool) -> Release:
    """The release, asked to roll back by its own watch: there is no person whose right would be checked."""
    return replace(release, **_kept(release, actor, reason, now, critical=critical))


def rollback_requested(release: Release, event: e.RollbackRequested, now: datetime) -> Move:
    """At once where it is critical, or where the release stopped half-way; at a gate while all seems well."""
    asked = replace(release, **wanted(release, event, now), undoes_models=event.models)
    return asked_back(asked, now, f"{event.actor.name} asked to roll back: {event.reason}")


def asked_back(asked: Release, now: datetime, note: str) -> Move:
    """What follows from the request that the release keeps."""
    at_a_gate = asked.phase is Phase.WATCHING and Stage.ROLLBACK in asked.policy.gates
    if at_a_gate and not asked.critical:
        return enter(asked, Phase.AWAITING_ROLLBACK_APPROVAL, now, note, ending=Phase.ROLLED_BACK)
    return _at_once(asked, now, note)


def critical_after_all(release: Release, event: e.RollbackRequested, now: datetime) -> Move:
    """While people are asked, a critical request decides; any other changes nothing."""
    asked = replace(release, **wanted(release, event, now))
    if not asked.critical:
        return stay(release, f"{event.actor.name} asked to roll back as well: {event.reason}")
    asked = replace(asked, undoes_models={**release.undoes_models, **event.models})
    return _at_once(asked, now, f"{event.actor.name} asked to roll back at once: {event.reason}")


def made_critical(release: Release, event: e.RollbackRequested, now: datetime) -> Move:
    """The same for a rollback that is a release of its own: what is listed goes back without the gate."""
    asked = replace(release, **wanted(release, event, now))
    if release.critical and release.meter and asked.meter:
        return stay(release, meter=replace(release.meter, alerts=asked.meter.alerts))
    if not asked.critical:
        return stay(release, f"{event.actor.name} asked to roll back as well: {event.reason}")
    note = f"{event.actor.name} asked to roll back at once: {event.reason}"
    if release.phase is Phase.FREEZING_TARGETS:
        return Move(release=asked, note=note)
    return enter(asked, Phase.WAITING_FOR_FLEET, now, note)


def decided_in_watch(release: Release, event: e.ApprovalSubmitted, now: datetime) -> Move:
    """Approved: everything goes back. Rejected: the watch begins again."""
    move = approval_submitted(release, event, now)
    if move.release.phase is Phase.REJECTED:
        going_on = replace(release, approvals=move.release.approvals)
        nothing: dict[str, Any] = {
            "ending": None,
            "rollback_reason": "",
            "rollback_by": (),
            "critical": False,
            "meter": None,
            "undoes_models": {},
        }
        return enter(going_on, Phase.WATCHING, now, f"{move.note}; the watch begins again", **nothing)
    return _timed(move, Phase.ROLLING_BACK, now)


def decided(release: Release, event: e.ApprovalSubmitted, now: datetime) -> Move:
    """The gate of a rollback that is a release of its own."""
    return _timed(approval_submitted(release, event, now), Phase.WAITING_FOR_FLEET, now)


def restorable_listed(release: Release, event: e.TargetsListed, now: datetime) -> Move:
    """What goes back is frozen before anybody decides on it; what somebody changed since stays as it is."""
    if event.endpoint_name not in release.endpoints_to_list:
        return stay(release)
    fleet = release.roster.with_more(event.targets)
    left = tuple(name for name in release.endpoints_to_list if name != event.endpoint_name)
    if left:
        return listing_goes_on(release, event, replace(release, fleet=fleet, endpoints_to_list=left))
    superseded = [target for target in fleet if target.superseded_by]
    ours = {target.key: 0 for target in fleet if not target.superseded_by}  # of what stays nobody takes the lock
    listed = replace(release, fleet=fleet, endpoints_to_list=(), epochs=ours)
    if len(superseded) == len(fleet):
        return end(listed, Phase.FAILED, now, _superseded(listed))
    note = f"{len(fleet) - len(superseded)} deployments can go back, {len(superseded)} were changed since and stay"
    if release.critical or Stage.ROLLBACK not in release.policy.gates:
        return enter(listed, Phase.WAITING_FOR_FLEET, now, note)
    return enter(listed, Phase.AWAITING_ROLLBACK_APPROVAL, now, note)


def locks_taken(release: Release, event: e.FleetAcquired, now: datetime) -> Move:
    """Everything goes back, after the quiet period where a change of another release may still be in flight."""
    note = f"holds {len(event.epochs)} circuits"
    delay_s = ceil(max(0.0, (event.quiet_until - now).total_seconds())) if event.quiet_until else 0
    return enter(release, Phase.ROLLING_BACK, now, note, delay_s=delay_s, epochs=event.epochs)


def aborted(release: Release, event: e.AbortRequested, now: datetime) -> Move:
    """A rollback ends where it is: what was put back stays, and nothing goes forward again."""
    check_operator(release, event.actor)
    if not event.reason.strip():
        raise InvalidRequest("aborting needs a reason: the next person on call will read it")
    return end(release, Phase.ABORTED, now, f"{event.actor.name} aborted: {event.reason}; what was put back stays")


def hold_expired(release: Release, event: e.DeadlinePassed, now: datetime) -> Move:
    """The hold of a rollback reached its deadline."""
    return end(release, Phase.EXPIRED, now, "nobody ended the hold before its deadline; what was put back stays")


def circuit_taken(release: Release, event: e.CircuitTaken, now: datetime) -> Move:
    """Of a model release: its only circuit is gone, and the rollback decides what production runs."""
    note = f"the rollback {event.by} took circuit {event.target_key}: release the model again once it is over"
    return end(release, Phase.FAILED, now, note)


def one_circuit_taken(release: Release, event: e.CircuitTaken, now: datetime) -> Move:
    """Of many: the target will say so when its turn comes."""
    return stay(release, f"the rollback {event.by} took circuit {event.target_key}, which this release leaves alone")


def _at_once(asked: Release, now: datetime, note: str) -> Move:
    meter = replace(asked.meter, decided_at=now) if asked.meter else None
    return roll_back(replace(asked, meter=meter), Phase.ROLLED_BACK, now, note)


def _timed(move: Move, decided_phase: Phase, now: datetime) -> Move:
    meter = move.release.meter
    if move.release.phase is not decided_phase or meter is None:
        return move
    return replace(move, release=replace(move.release, meter=replace(meter, decided_at=now)))


def _superseded(release: Release) -> str:
    by = ", ".join(sorted({target.superseded_by for target in release.fleet}))
    return f"{release.undoes} no longer decides what production runs ({by}): roll that back, or release what you want"
