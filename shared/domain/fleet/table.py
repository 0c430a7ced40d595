"""One rule per legal pair of an environment release; a test holds it against TRANSITIONS."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from shared.domain.fleet import rollback, rules, rules_endings, rules_evidence, watch
from shared.domain.fleet import targets as engine
from shared.domain.fleet.lanes import WORK
from shared.domain.fleet.transitions import GATES, LIVE
from shared.domain.release import events as e
from shared.domain.release import rules_endings as common
from shared.domain.release import rules_steps
from shared.domain.release.model import Phase, Release
from shared.domain.release.moves import Move
from shared.domain.release.rules_gates import approval_submitted

P = Phase


def _rules() -> dict[tuple[Phase, type[e.Event]], Callable[[Release, Any, datetime], Move]]:
    table: dict[tuple[Phase, type[e.Event]], Callable[[Release, Any, datetime], Move]] = {
        (P.VERIFYING, e.EnvironmentVerified): rules.verified,
        (P.AWAITING_REGISTRY_APPROVAL, e.ApprovalSubmitted): approval_submitted,
        (P.PROMOTING, e.EnvironmentPromoted): rules.promoted,
        (P.WAITING_FOR_FLEET, e.FleetAcquired): rules.fleet_acquired,
        (P.WAITING_FOR_FLEET, e.CircuitBusy): rules.fleet_busy,
        (P.FREEZING_TARGETS, e.TargetsListed): rules.targets_listed,
        (P.AWAITING_PRODUCTION_APPROVAL, e.ApprovalSubmitted): approval_submitted,
        (P.HELD, e.RetryRequested): common.retry_requested,
    }
    for phase in (P.VERIFYING, P.AWAITING_REGISTRY_APPROVAL):
        table[phase, e.EvidenceSubmitted] = rules_evidence.evidence_submitted
    for phase in WORK:
        table[phase, e.TargetAnswered] = engine.target_answered
        table[phase, e.LookDue] = engine.look_due
    for phase in (P.VERIFYING, P.PROMOTING, P.WAITING_FOR_FLEET, P.FREEZING_TARGETS):
        table[phase, e.LookDue] = rules_steps.look_due
        table[phase, e.StepErrored] = rules_steps.step_errored
        table[phase, e.StepFailed] = rules_steps.step_failed
    for phase in (P.UPDATING, P.WATCHING, P.HELD):
        table[phase, e.RollbackRequested] = rollback.rollback_requested
    table[P.AWAITING_ROLLBACK_APPROVAL, e.RollbackRequested] = rollback.critical_after_all
    table[P.AWAITING_ROLLBACK_APPROVAL, e.ApprovalSubmitted] = rollback.decided_in_watch
    for phase in LIVE:
        table[phase, e.AbortRequested] = rules_endings.abort_requested
        table[phase, e.MessageDeadLettered] = common.message_dead_lettered
        table[phase, e.CircuitTaken] = rollback.one_circuit_taken
        table[phase, e.DeadlinePassed] = common.step_overdue
    for phase in (*GATES, P.WAITING_FOR_FLEET):
        table[phase, e.DeadlinePassed] = common.gate_expired
    table[P.WATCHING, e.LookDue] = rules_steps.look_due
    table[P.WATCHING, e.BatchJobsCounted] = watch.batch_jobs_counted
    table[P.WATCHING, e.DeadlinePassed] = watch.watched
    table[P.HELD, e.DeadlinePassed] = rules_endings.hold_expired
    return table


RULES = _rules()
