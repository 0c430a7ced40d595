"""Alerts, from their arrival to the decision to roll back.

Accepting is quick and loses nothing: the alert becomes durable, a message says to look at it, and the sweeper sends it
again while nobody has. Looking at it reads the alert again from Azure Monitor, and only what that tells counts: what
came in is a hint (R-FAULT-2).
"""

import logging
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from shared.application.alerts.ports import ALERTS_MAX, AlertPorts
from shared.application.errors import PortError, TransientFault
from shared.application.fleet.rollback_requests import request_rollback
from shared.application.ports import IntakeResult
from shared.application.release.people import Answer, Decided, NoSuchRelease
from shared.application.release.ports import Ports
from shared.application.release.recent_changes import RecentChanges, circuit_name, recent_changes
from shared.application.work.look import Look, WorkKind
from shared.domain.alerts.decision import decide_rollback
from shared.domain.alerts.decision_model import RollbackAction, RollbackDecision
from shared.domain.alerts.model import AlertFacts, AlertRecord, AlertState, RecentChange, RollbackAsked
from shared.domain.alerts.rules import FIRED_TOLERANCE_S, alert_key, differences, observe, rests_on_claims, same_firing
from shared.domain.errors import DomainError
from shared.domain.fleet.meter import AlertSeen
from shared.domain.release.model import Actor

log = logging.getLogger(__name__)

MONITOR = Actor(object_id="azure-monitor", tenant_id="", name="azure-monitor", is_person=False)
"""Who asks for a rollback when an alert does."""

FINDER = Actor(object_id="switchyard-findings", tenant_id="", name="the app", is_person=False)
"""Who asks when the app found it itself."""

KNOWN_AFTER_S = 30
"""Azure Monitor may send an alert a moment before its own interface has it; after this long it never will."""

CONFIRM_DEADLINE_S = 3000
"""How long Azure Monitor may stay silent before an alert is decided without it, which means: nothing is done. The last
follow-up of its message comes later."""

LOOKED_BACK_S = 604_800
"""A firing that was handled longer ago than a week is handled again; it fires since then."""


class RollbackRequester(Protocol):
    """`request_rollback`."""

    async def __call__(
        self,
        release_id: str,
        actor: Actor,
        reason: str,
        ports: Ports,
        *,
        critical: bool,
        alert: AlertSeen | None = None,
        models: Collection[str] = (),
    ) -> Decided:
        """Raises DomainError and NoSuchRelease."""


async def accept_alert(claim: AlertFacts, source: str, sender: str, ports: AlertPorts) -> tuple[str, bool]:
    """Makes the alert durable and has it looked at; its key, and whether it is new. A repetition changes nothing.

    Raises TransientFault when it could not be made durable: the sender has to try again.
    """
    now = ports.releases.clock.now()
    key = alert_key(claim)
    is_new = await ports.log.accept(AlertRecord(key=key, source=source, sender=sender, accepted_at=now, claim=claim))
    if not is_new:
        reason = f"alert {claim.instance_id} of rule {claim.rule_name} came again by {source}"
        await ports.releases.intake.record(f"alert-{key}-again", IntakeResult.DUPLICATE, claim.instance_id, reason, now)
        return key, False
    log.info("alert %s of rule %s accepted", claim.instance_id, claim.rule_name)
    try:
        await ports.queue.send(look_of(key), message_id_of(key))
    except TransientFault as error:
        log.warning("alert %s is stored, its message was not sent; the sweeper looks at it: %s", key, error)
    return key, True


def look_of(key: str) -> Look:
    """A look at the alert."""
    return Look(kind=WorkKind.ALERT, key=key)


def message_id_of(key: str) -> str:
    """The id of the first message about the alert."""
    return f"alert-{key}"


async def assess_alert(
    key: str, ports: AlertPorts, request: RollbackRequester = request_rollback
) -> AlertRecord | None:
    """Confirms the alert, decides and asks for what was decided; None when there is no such alert. Safe to repeat.

    Raises TransientFault when Azure Monitor, the store or the bus do not answer: nothing is lost, try later.
    """
    stored = await ports.log.load(key)
    if stored is None or stored.record.state is AlertState.DECIDED:
        return stored.record if stored else None
    record, version = stored.record, stored.version
    record = await _read_again(record, ports)
    if record.told is not None:  # durable before the others are read: of two at once, one at least sees the other
        version = await ports.log.save(record, version)
    changes = await recent_changes(ports.releases, ports.config.alerts().recent_change_s)
    decision = await _decide(record, changes, ports)
    asked = await _ask(record, decision, changes, ports, request)
    await _tell(record, decision, asked, ports)
    decided = replace(
        record,
        state=AlertState.DECIDED,
        decided_at=ports.releases.clock.now(),
        decision=decision,
        asked=asked,
    )
    await ports.log.save(decided, version)
    log.info("alert %s: %s, %s", key, decision.verdict.value, decision.action.value)
    return decided


async def give_up(key: str, reason: str, ports: AlertPorts) -> None:
    """Notes why nobody could decide on the alert. It stays undecided, so that the sweep asks about it again, once an
    hour and for a day: a rollback may depend on it. Raises TransientFault."""
    stored = await ports.log.load(key)
    if stored is not None and stored.record.state is not AlertState.DECIDED:
        await ports.log.save(replace(stored.record, note=reason), stored.version)


async def _read_again(record: AlertRecord, ports: AlertPorts) -> AlertRecord:
    """The record with what Azure Monitor tells about this very firing, or with the reason why it tells nothing.

    What the app found itself is told by the record it comes from: nobody else could confirm it.
    """
    if record.is_own:
        return replace(record, told=record.claim, state=AlertState.CONFIRMED)
    age = ports.releases.clock.now() - record.accepted_at
    try:
        told = await ports.source.read(record.claim.instance_id)
    except TransientFault as error:
        if age < timedelta(seconds=CONFIRM_DEADLINE_S):
            raise
        return replace(record, note=f"Azure Monitor did not answer for {CONFIRM_DEADLINE_S // 60} minutes: {error}")
    if told is None:
        if age < timedelta(seconds=KNOWN_AFTER_S):
            raise TransientFault(f"Azure Monitor does not know alert {record.claim.instance_id} yet")
        return replace(record, note=f"Azure Monitor has no alert {record.claim.instance_id}")
    if not same_firing(record.claim, told):
        note = f"Azure Monitor says that it fired at {told.fired_at.isoformat()}: that is another firing"
        return replace(record, note=note)
    if not record.claim.fired and told.fired:
        return replace(record, note="the message says resolved, Azure Monitor says that it still fires")
    notes = [*differences(record.claim, told)]
    only_claimed = bool(record.claim.readings) and not told.readings
    if only_claimed:
        told = replace(told, readings=record.claim.readings)
        notes.append("Azure Monitor tells no circuits, so those of the message are asked about and not acted on")
    return replace(record, told=told, only_claimed=only_claimed, state=AlertState.CONFIRMED, note="; ".join(notes))


async def _decide(record: AlertRecord, changes: RecentChanges, ports: AlertPorts) -> RollbackDecision:
    policy = ports.config.alerts()
    since = ports.releases.clock.now() - timedelta(seconds=policy.window_s)
    recent = (await ports.log.latest(ALERTS_MAX, since=_looked_back_to(record, since))).records
    observation = observe(
        record,
        recent,
        since=since,
        policy=policy,
        fleet=frozenset(circuit_name(key) for key in ports.releases.config.fleet().circuits),
        models=changes.models,
        environment=changes.environment,
    )
    decision = decide_rollback(observation, policy.thresholds)
    if decision.action is RollbackAction.ACT and rests_on_claims(record, recent, since):
        return replace(decision, action=RollbackAction.ASK)
    return decision


def _looked_back_to(record: AlertRecord, since: datetime) -> datetime:
    """Far enough to see whether this firing was handled before; what nobody confirmed may claim any time."""
    if record.told is None or record.is_own:  # a finding of the app's own has one key for ever
        return since
    oldest = record.accepted_at - timedelta(seconds=LOOKED_BACK_S)
    return min(since, max(record.told.fired_at, oldest) - timedelta(seconds=FIRED_TOLERANCE_S))


async def _ask(
    record: AlertRecord,
    decision: RollbackDecision,
    changes: RecentChanges,
    ports: AlertPorts,
    request: RollbackRequester,
) -> tuple[RollbackAsked, ...]:
    """One wish per release, the last change first; models that go back with an environment need none of their own.

    Where a wish is refused, people are told (`_tell`); it is not repeated, because nothing says that it ever could be
    fulfilled.
    """
    if decision.action is RollbackAction.NOTHING:
        return ()
    critical = decision.action is RollbackAction.ACT
    actor = FINDER if record.is_own else MONITOR
    seen = AlertSeen(alert_id=record.facts.instance_id, fired_at=record.facts.fired_at, accepted_at=record.accepted_at)
    asked: list[RollbackAsked] = []
    environments = {change.release_id for change in changes.environment.values()}
    suspects = sorted(_suspects(decision, changes), key=lambda change: change.release_id not in environments)
    models = frozenset(change.release_id for change in suspects) - environments
    gone: dict[str, RollbackAsked] = {}
    for change in suspects:
        if change.release_id in gone:
            asked.append(gone[change.release_id])
            continue
        reason = _reason(record, decision)
        pairs = models if change.release_id in environments else ()
        try:
            decided = await request(
                change.release_id, actor, reason, ports.releases, critical=critical, alert=seen, models=pairs
            )
        except (DomainError, NoSuchRelease) as error:
            asked.append(
                RollbackAsked(release_id=change.release_id, critical=critical, answer="refused", note=str(error))
            )
            continue
        note = f"{decided.release.release_id} is {decided.release.phase.value}"
        said = RollbackAsked(release_id=change.release_id, critical=critical, answer=decided.answer.value, note=note)
        asked.append(said)
        gone |= {each: replace(said, release_id=each, note=f"together: {note}") for each in decided.models}
    return tuple(asked)


def _suspects(decision: RollbackDecision, changes: RecentChanges) -> list[RecentChange]:
    named = [changes.models[circuit] for circuit in decision.scope.models if circuit in changes.models]
    fleet = [changes.environment[each] for each in decision.scope.environment if each in changes.environment]
    if fleet:  # circuits that joined the fleet later have an older release, or none: the latest is meant
        named.append(max(fleet, key=lambda change: change.changed_at))
    new = {change.release_id: change for change in named if change.is_new}
    return sorted(new.values(), key=lambda change: change.changed_at, reverse=True)


async def _tell(
    record: AlertRecord, decision: RollbackDecision, asked: tuple[RollbackAsked, ...], ports: AlertPorts
) -> None:
    """Tells the outside world what an alert led to; one that leads to nothing, or to nothing new, is only recorded."""
    if decision.action is RollbackAction.NOTHING:
        return
    if asked and all(each.answer == Answer.ALREADY_DONE for each in asked):
        return
    acted = decision.action is RollbackAction.ACT and any(each.answer != "refused" for each in asked)
    data = {
        "alert_id": record.facts.instance_id,
        "rule": record.facts.rule_name,
        "verdict": decision.verdict.value,
        "severity": decision.severity.value,
        "releases": ", ".join(f"{each.release_id} ({each.answer})" for each in asked),
        "reason": _reason(record, decision),
    }
    kind = f"switchyard.alert.{'acted' if acted else 'asks'}"
    at = ports.releases.clock.now()
    try:
        await ports.releases.facts.publish(f"alert-{record.key}", kind, f"alerts/{record.key}", data, at)
    except TransientFault:
        raise
    except PortError as error:  # trying again cannot help, and what was asked for was asked for
        log.error("the fact of alert %s could not be published and is given up: %s", record.key, error)


def _reason(record: AlertRecord, decision: RollbackDecision) -> str:
    held = [reason.text for reason in decision.reasons if reason.held][4:]  # the first four are about the alert itself
    return f"alert {record.facts.rule_name} ({record.facts.severity}): {'; '.join(held)}"
