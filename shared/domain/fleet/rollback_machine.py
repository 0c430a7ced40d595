"""The machine of a rollback that is a release of its own. How to read it: `shared/domain/release/model_machine.py`."""

from shared.domain.fleet import rollback, rules, targets
from shared.domain.release import events as e
from shared.domain.release import rules_endings as endings
from shared.domain.release import rules_steps as steps
from shared.domain.release.machine import STAY, machine, row
from shared.domain.release.model import Phase

P = Phase
GATE = P.AWAITING_ROLLBACK_APPROVAL

#: Steps before any target is worked on.
PREPARING = frozenset({P.FREEZING_TARGETS, P.WAITING_FOR_FLEET})

LIVE = PREPARING | {GATE, P.ROLLING_BACK, P.VERIFYING_ROLLBACK, P.HELD}

#: Where work on the targets leads once nothing of it is left. A look may be the first to find that.
AFTER_ROLLING_BACK = frozenset({P.VERIFYING_ROLLBACK, P.FAILED, P.HELD})
AFTER_VERIFYING = frozenset({P.HELD})

ROLLBACK = machine(
    # What can go back is frozen, decided on, and locked
    row({P.FREEZING_TARGETS}, e.TargetsListed, rollback.restorable_listed, {STAY, GATE, P.WAITING_FOR_FLEET, P.FAILED}),
    row({P.FREEZING_TARGETS}, e.RollbackRequested, rollback.made_critical, {STAY}),
    row({GATE}, e.RollbackRequested, rollback.made_critical, {STAY, P.WAITING_FOR_FLEET}),
    row({GATE}, e.ApprovalSubmitted, rollback.decided, {STAY, P.WAITING_FOR_FLEET, P.REJECTED}),
    row({P.WAITING_FOR_FLEET}, e.FleetAcquired, rollback.locks_taken, {P.ROLLING_BACK}),
    row({P.WAITING_FOR_FLEET}, e.CircuitBusy, rules.fleet_busy, {STAY}),
    # It goes back
    row({P.ROLLING_BACK}, e.TargetAnswered, targets.target_answered, {STAY, *AFTER_ROLLING_BACK}),
    row({P.VERIFYING_ROLLBACK}, e.TargetAnswered, targets.target_answered, {STAY, *AFTER_VERIFYING}),
    row({P.VERIFYING_ROLLBACK}, e.RestoredRead, targets.restored_read, {STAY, P.ROLLED_BACK, P.ROLLING_BACK}),
    # Any step
    row(PREPARING, e.LookDue, steps.look_due, {STAY}),
    row({P.ROLLING_BACK}, e.LookDue, targets.look_due, {STAY, *AFTER_ROLLING_BACK}),
    row({P.VERIFYING_ROLLBACK}, e.LookDue, targets.look_due, {STAY, *AFTER_VERIFYING}),
    row(PREPARING, e.StepErrored, steps.step_errored, {STAY, P.HELD}),
    row(PREPARING, e.StepBusy, steps.step_busy, {STAY}),
    row(PREPARING, e.StepBlocked, steps.step_blocked, {P.HELD}),
    row(PREPARING, e.StepFailed, steps.step_failed, {P.FAILED}),
    # Any phase
    row(LIVE, e.AbortRequested, rollback.aborted, {P.ABORTED}),
    row(LIVE, e.MessageDeadLettered, endings.message_dead_lettered, {P.HELD}),
    row({GATE}, e.DeadlinePassed, endings.gate_expired, {P.EXPIRED}),
    row({P.HELD}, e.DeadlinePassed, rollback.hold_expired, {P.EXPIRED}),
    row(LIVE - {GATE, P.HELD}, e.DeadlinePassed, endings.step_overdue, {P.HELD}),
    row({P.HELD}, e.RetryRequested, endings.retry_requested, LIVE - {P.HELD} | {P.ROLLED_BACK}),
)
