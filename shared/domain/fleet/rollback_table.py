"""One rule per legal pair of a rollback; a test holds it against TRANSITIONS."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from shared.domain.fleet import rollback, rules
from shared.domain.fleet import targets as engine
from shared.domain.fleet.rollback_transitions import LIVE
from shared.domain.release import events as e
from shared.domain.release import rules_endings as common
from shared.domain.release import rules_steps
from shared.domain.release.model import Phase, Release
from shared.domain.release.moves import Move

P = Phase


def _rules() -> dict[tuple[Phase, type[e.Event]], Callable[[Release, Any, datetime], Move]]:
    table: dict[tuple[Phase, type[e.Event]], Callable[[Release, Any, datetime], Move]] = {
        (P.FREEZING_TARGETS, e.TargetsListed): rollback.restorable_listed,
        (P.FREEZING_TARGETS, e.RollbackRequested): rollback.made_critical,
        (P.AWAITING_ROLLBACK_APPROVAL, e.RollbackRequested): rollback.made_critical,
        (P.AWAITING_ROLLBACK_APPROVAL, e.ApprovalSubmitted): rollback.decided,
        (P.WAITING_FOR_FLEET, e.FleetAcquired): rollback.locks_taken,
        (P.WAITING_FOR_FLEET, e.CircuitBusy): rules.fleet_busy,
        (P.HELD, e.RetryRequested): common.retry_requested,
    }
    for phase in (P.ROLLING_BACK, P.VERIFYING_ROLLBACK):
        table[phase, e.TargetAnswered] = engine.target_answered
        table[phase, e.LookDue] = engine.look_due
    for phase in (P.FREEZING_TARGETS, P.WAITING_FOR_FLEET):
        table[phase, e.LookDue] = rules_steps.look_due
        table[phase, e.StepErrored] = rules_steps.step_errored
        table[phase, e.StepFailed] = rules_steps.step_failed
    for phase in LIVE:
        table[phase, e.AbortRequested] = rollback.aborted
        table[phase, e.MessageDeadLettered] = common.message_dead_lettered
        table[phase, e.DeadlinePassed] = common.step_overdue
    table[P.AWAITING_ROLLBACK_APPROVAL, e.DeadlinePassed] = common.gate_expired
    table[P.HELD, e.DeadlinePassed] = rollback.hold_expired
    return table


RULES = _rules()
