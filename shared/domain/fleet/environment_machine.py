"""The machine of an environment release. How to read it: `shared/domain/release/model_machine.py`."""

from shared.domain.fleet import rollback, rules, rules_endings, rules_evidence, targets, watch
from shared.domain.release import events as e
from shared.domain.release import rules_endings as endings
from shared.domain.release import rules_gates as gates
from shared.domain.release import rules_steps as steps
from shared.domain.release.machine import STAY, machine, row
from shared.domain.release.model import Phase

P = Phase

#: Steps before any target is worked on.
PREPARING = frozenset({P.VERIFYING, P.PROMOTING, P.WAITING_FOR_FLEET, P.FREEZING_TARGETS})

#: Waits for people and for other releases; the release ends when nobody comes. At the gate before a roll-back it is
#: held instead: production runs what somebody wants to have back.
WAITING = frozenset({P.AWAITING_REGISTRY_APPROVAL, P.AWAITING_PRODUCTION_APPROVAL, P.WAITING_FOR_FLEET})

#: From here on production may have to be put back when the release is aborted.
TOUCHING = frozenset(
    {P.UPDATING, P.WATCHING, P.AWAITING_ROLLBACK_APPROVAL, P.ROLLING_BACK, P.VERIFYING_ROLLBACK, P.HELD}
)

LIVE = PREPARING | WAITING | TOUCHING | {P.CHECKING}

#: Where work on the targets leads once nothing of it is left. A look may be the first to find that.
AFTER_CHECKING = frozenset({P.AWAITING_PRODUCTION_APPROVAL, P.UPDATING, P.FAILED, P.HELD})
AFTER_UPDATING = frozenset({P.WATCHING, P.HELD})
AFTER_ROLLING_BACK = frozenset({P.VERIFYING_ROLLBACK, P.ROLLED_BACK, P.ABORTED, P.EXPIRED, P.HELD})
ENDS_BACK = frozenset({P.ROLLED_BACK, P.ABORTED, P.EXPIRED})
AFTER_VERIFYING = frozenset({P.HELD})

ENVIRONMENT = machine(
    # To the registry
    row({P.VERIFYING}, e.EnvironmentVerified, rules.verified, {P.AWAITING_REGISTRY_APPROVAL, P.PROMOTING, P.HELD}),
    row({P.AWAITING_REGISTRY_APPROVAL}, e.ApprovalSubmitted, gates.approval_submitted, {STAY, P.PROMOTING, P.REJECTED}),
    row({P.VERIFYING, P.AWAITING_REGISTRY_APPROVAL}, e.EvidenceSubmitted, rules_evidence.evidence_submitted, {STAY}),
    row({P.PROMOTING}, e.EnvironmentPromoted, rules.promoted, {P.WAITING_FOR_FLEET}),
    # To the fleet
    row({P.WAITING_FOR_FLEET}, e.FleetAcquired, rules.fleet_acquired, {P.FREEZING_TARGETS}),
    row({P.WAITING_FOR_FLEET}, e.CircuitBusy, rules.fleet_busy, {STAY, P.SUPERSEDED}),
    row({P.FREEZING_TARGETS}, e.TargetsListed, rules.targets_listed, {STAY, P.CHECKING, P.FAILED, P.HELD}),
    row({P.CHECKING}, e.TargetAnswered, targets.target_answered, {STAY, *AFTER_CHECKING}),
    row(
        {P.AWAITING_PRODUCTION_APPROVAL}, e.ApprovalSubmitted, gates.approval_submitted, {STAY, P.UPDATING, P.REJECTED}
    ),
    row({P.UPDATING}, e.TargetAnswered, targets.target_answered, {STAY, *AFTER_UPDATING}),
    # The watch
    row({P.WATCHING}, e.DeadlinePassed, watch.watched, {STAY, P.RELEASED, P.HELD}),
    row({P.WATCHING}, e.RollbackRequested, rollback.rollback_requested, {P.AWAITING_ROLLBACK_APPROVAL, P.ROLLING_BACK}),
    row(
        {P.WATCHING},
        e.BatchJobsCounted,
        watch.batch_jobs_counted,
        {STAY, P.AWAITING_ROLLBACK_APPROVAL, P.ROLLING_BACK, P.HELD},
    ),
    row({P.AWAITING_ROLLBACK_APPROVAL}, e.RollbackRequested, rollback.critical_after_all, {STAY, P.ROLLING_BACK}),
    row(
        {P.AWAITING_ROLLBACK_APPROVAL},
        e.ApprovalSubmitted,
        rollback.decided_in_watch,
        {STAY, P.ROLLING_BACK, P.WATCHING},
    ),
    # And back
    row({P.UPDATING, P.HELD}, e.RollbackRequested, rollback.rollback_requested, {P.ROLLING_BACK, *AFTER_ROLLING_BACK}),
    row({P.ROLLING_BACK}, e.TargetAnswered, targets.target_answered, {STAY, *AFTER_ROLLING_BACK}),
    row({P.VERIFYING_ROLLBACK}, e.TargetAnswered, targets.target_answered, {STAY, *AFTER_VERIFYING}),
    row({P.VERIFYING_ROLLBACK}, e.RestoredRead, targets.restored_read, {STAY, P.ROLLING_BACK, *ENDS_BACK}),
    # Any step
    row(PREPARING | {P.WATCHING}, e.LookDue, steps.look_due, {STAY}),
    row({P.CHECKING}, e.LookDue, targets.look_due, {STAY, *AFTER_CHECKING}),
    row({P.UPDATING}, e.LookDue, targets.look_due, {STAY, *AFTER_UPDATING}),
    row({P.ROLLING_BACK}, e.LookDue, targets.look_due, {STAY, *AFTER_ROLLING_BACK}),
    row({P.VERIFYING_ROLLBACK}, e.LookDue, targets.look_due, {STAY, *AFTER_VERIFYING}),
    row(PREPARING, e.StepErrored, steps.step_errored, {STAY, P.HELD}),
    row(PREPARING, e.StepBusy, steps.step_busy, {STAY}),
    row(PREPARING, e.StepBlocked, steps.step_blocked, {P.HELD}),
    row(PREPARING, e.StepFailed, steps.step_failed, {P.FAILED}),
    # Any phase
    row(LIVE - TOUCHING, e.AbortRequested, rules_endings.abort_requested, {P.ABORTED}),
    row(TOUCHING, e.AbortRequested, rules_endings.abort_requested, {P.ABORTED, P.ROLLING_BACK, P.HELD}),
    row(LIVE, e.MessageDeadLettered, endings.message_dead_lettered, {P.HELD}),
    row({P.UPDATING}, e.CircuitTaken, targets.circuit_taken, {STAY, *AFTER_UPDATING}),
    row({P.HELD}, e.CircuitTaken, targets.circuit_taken, {STAY}),
    row(LIVE - {P.UPDATING, P.HELD}, e.CircuitTaken, rollback.one_circuit_taken, {STAY}),
    row(WAITING, e.DeadlinePassed, endings.gate_expired, {P.EXPIRED}),
    row({P.HELD}, e.DeadlinePassed, rules_endings.hold_expired, {P.ROLLING_BACK, *AFTER_ROLLING_BACK}),
    row(LIVE - WAITING - {P.WATCHING, P.HELD}, e.DeadlinePassed, endings.step_overdue, {P.HELD}),
    row({P.HELD}, e.RetryRequested, endings.retry_requested, LIVE - {P.HELD} | {P.FAILED}),
)
