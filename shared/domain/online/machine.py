"""The machine of a release to online endpoints. How to read it: `shared/domain/release/model_machine.py`."""

from shared.domain.fleet import rules as fleet
from shared.domain.online import events as o
from shared.domain.online import rules, rules_back
from shared.domain.release import events as e
from shared.domain.release import rules_endings as endings
from shared.domain.release import rules_gates as gates
from shared.domain.release import rules_steps as steps
from shared.domain.release.machine import STAY, machine, row
from shared.domain.release.model import Phase

P = Phase

#: Steps before any endpoint is changed.
PREPARING = frozenset({P.VERIFYING, P.COMPARING, P.PROMOTING, P.WAITING_FOR_ENDPOINT, P.RECORDING_DEV})

RECORDING = frozenset({P.RECORDING_DEV, P.RECORDING_PREVIOUS})
DEPLOYING = frozenset({P.DEPLOYING_DEV, P.DEPLOYING_PRODUCTION})
TESTING = frozenset({P.TESTING_DEV, P.TESTING_PRODUCTION})
MOVING = frozenset({P.MOVING_DEV_TRAFFIC, P.MOVING_TRAFFIC})

#: Steps in which an endpoint has been changed and the release may still go back.
CHANGING = DEPLOYING | TESTING | MOVING

#: Waits for people and for other releases; the release ends when nobody comes. What dev serves by then has passed.
WAITING = frozenset({P.AWAITING_REGISTRY_APPROVAL, P.AWAITING_PRODUCTION_APPROVAL, P.WAITING_FOR_ENDPOINT})

STEPS = PREPARING | CHANGING | {P.RECORDING_PREVIOUS, P.WATCHING, P.REMOVING_SLOTS, P.RESTORING}
LIVE = STEPS | WAITING | {P.HELD}

#: How a release ends after its traffic went back, or where none had to.
ENDED = frozenset({P.ABORTED, P.EXPIRED, P.FAILED, P.ROLLED_BACK})

ONLINE = machine(
    # To the registry
    row({P.VERIFYING}, o.OnlineVerified, rules.verified, {P.COMPARING, P.HELD}),
    row({P.COMPARING}, e.TestStarted, rules.comparison_started, {STAY}),
    row({P.COMPARING}, e.TestRunChanged, steps.test_run_changed, {STAY}),
    row({P.COMPARING}, e.TestStillRunning, steps.test_still_running, {STAY}),
    row(
        {P.COMPARING},
        o.Compared,
        rules.compared,
        {STAY, P.AWAITING_REGISTRY_APPROVAL, P.PROMOTING, P.COMPARED, P.FAILED, P.HELD},
    ),
    row({P.AWAITING_REGISTRY_APPROVAL}, e.ApprovalSubmitted, gates.approval_submitted, {STAY, P.PROMOTING, P.REJECTED}),
    row({P.PROMOTING}, e.CandidatePromoted, rules.promoted, {P.WAITING_FOR_ENDPOINT}),
    row({P.WAITING_FOR_ENDPOINT}, e.FleetAcquired, rules.endpoints_held, {P.RECORDING_DEV}),
    row({P.WAITING_FOR_ENDPOINT}, e.CircuitBusy, fleet.fleet_busy, {STAY, P.SUPERSEDED}),
    # To an endpoint; a freeze stands before every change of production
    row({P.RECORDING_DEV}, o.EndpointRecorded, rules.recorded, {P.DEPLOYING_DEV, P.HELD}),
    row({P.RECORDING_PREVIOUS}, o.EndpointRecorded, rules.recorded, {P.DEPLOYING_PRODUCTION, P.HELD}),
    row({P.RECORDING_PREVIOUS, P.DEPLOYING_PRODUCTION, P.MOVING_TRAFFIC}, e.CircuitBusy, fleet.fleet_busy, {STAY}),
    row(DEPLOYING, e.DeploymentSubmitted, steps.deployment_submitted, {STAY}),
    row(DEPLOYING, e.OutcomeUnknown, steps.test_outcome_unknown, {STAY}),
    row({P.DEPLOYING_DEV}, e.DeploymentObserved, rules.slot_observed, {STAY, P.TESTING_DEV, P.RESTORING}),
    row({P.DEPLOYING_PRODUCTION}, e.DeploymentObserved, rules.slot_observed, {STAY, P.TESTING_PRODUCTION, P.RESTORING}),
    row({P.TESTING_DEV}, o.SlotTested, rules.slot_tested, {STAY, P.MOVING_DEV_TRAFFIC, P.RESTORING, P.HELD}),
    row({P.TESTING_PRODUCTION}, o.SlotTested, rules.slot_tested, {STAY, P.MOVING_TRAFFIC, P.RESTORING, P.HELD}),
    row(MOVING, e.DeploymentSubmitted, rules.traffic_submitted, {STAY}),
    row(MOVING, e.OutcomeUnknown, rules.traffic_unknown, {STAY}),
    row(MOVING, o.TrafficObserved, rules.traffic_observed, {STAY}),
    row(MOVING, o.TrafficChanged, rules_back.changed_by_hand, {P.HELD}),
    row(
        {P.MOVING_DEV_TRAFFIC},
        o.SlotTested,
        rules.traffic_tested,
        {STAY, P.AWAITING_PRODUCTION_APPROVAL, P.RECORDING_PREVIOUS, P.RESTORING, P.HELD},
    ),
    row({P.MOVING_TRAFFIC}, o.SlotTested, rules.traffic_tested, {STAY, P.WATCHING, P.RESTORING, P.HELD}),
    row(
        {P.AWAITING_PRODUCTION_APPROVAL},
        e.ApprovalSubmitted,
        gates.approval_submitted,
        {STAY, P.RECORDING_PREVIOUS, P.REJECTED},
    ),
    # The watch, and what served before it
    row({P.WATCHING}, o.SlotTested, rules.watch_tested, {STAY, P.RESTORING}),
    row({P.WATCHING}, e.DeadlinePassed, rules.watched, {P.REMOVING_SLOTS}),
    row({P.REMOVING_SLOTS}, o.SlotsRemoved, rules.slots_removed, {P.RELEASED}),
    row({P.REMOVING_SLOTS}, e.OutcomeUnknown, rules.traffic_unknown, {STAY}),
    row({P.REMOVING_SLOTS}, e.DeploymentSubmitted, rules.traffic_submitted, {STAY}),
    row({P.REMOVING_SLOTS}, e.StepFailed, rules.removal_ended, {P.RELEASED}),
    row({P.REMOVING_SLOTS}, e.StepBlocked, rules.removal_ended, {P.RELEASED}),
    row({P.REMOVING_SLOTS}, e.DeadlinePassed, rules.removal_ended, {P.RELEASED}),
    row({P.REMOVING_SLOTS}, e.AbortRequested, rules.removal_ended, {P.RELEASED}),
    row({P.REMOVING_SLOTS}, e.StepErrored, rules_back.back_errored, {STAY}),
    # And back
    row(CHANGING | {P.WATCHING}, e.RollbackRequested, rules_back.rollback_requested, {P.RESTORING}),
    row({P.RESTORING}, e.DeploymentSubmitted, rules_back.back_submitted, {STAY}),
    row({P.RESTORING}, e.OutcomeUnknown, rules_back.back_unknown, {STAY}),
    row({P.RESTORING}, o.EndpointBack, rules_back.put_back, {STAY, *ENDED}),
    row({P.RESTORING}, o.TrafficChanged, rules_back.changed_by_hand, {P.HELD}),
    row({P.RESTORING}, e.StepErrored, rules_back.back_errored, {STAY}),
    row({P.RESTORING}, e.StepBlocked, rules_back.back_refused, {P.HELD}),
    row({P.RESTORING}, e.StepFailed, rules_back.back_refused, {P.HELD}),
    row({P.RESTORING}, e.DeadlinePassed, rules_back.back_overdue, {P.HELD}),
    # Any step
    row(STEPS, e.LookDue, steps.look_due, {STAY}),
    row(STEPS, e.StepBusy, steps.step_busy, {STAY}),
    row(PREPARING | {P.RECORDING_PREVIOUS}, e.StepErrored, steps.step_errored, {STAY, P.HELD}),
    row(PREPARING | {P.RECORDING_PREVIOUS}, e.StepFailed, steps.step_failed, {P.FAILED}),
    row(CHANGING, e.StepErrored, rules_back.step_errored, {STAY, P.RESTORING}),
    row(CHANGING, e.StepFailed, rules_back.step_failed, {P.RESTORING}),
    row({P.WATCHING}, e.StepErrored, rules_back.back_errored, {STAY}),
    row({P.WATCHING}, e.StepFailed, rules_back.watch_blind, {STAY}),
    row({P.WATCHING}, e.StepBlocked, rules_back.watch_blind, {STAY}),
    row(PREPARING | CHANGING | {P.RECORDING_PREVIOUS}, e.StepBlocked, steps.step_blocked, {P.HELD}),
    # Any phase
    row(LIVE - {P.REMOVING_SLOTS}, e.AbortRequested, rules_back.abort_requested, {P.ABORTED, P.RESTORING}),
    row(LIVE, e.MessageDeadLettered, endings.message_dead_lettered, {P.HELD}),
    row(WAITING, e.DeadlinePassed, endings.gate_expired, {P.EXPIRED}),
    row({P.HELD}, e.DeadlinePassed, rules_back.hold_expired, {P.EXPIRED, P.RESTORING}),
    row(CHANGING, e.DeadlinePassed, rules_back.overdue, {P.RESTORING}),
    row(
        PREPARING - WAITING | {P.RECORDING_PREVIOUS},
        e.DeadlinePassed,
        endings.step_overdue,
        {P.HELD},
    ),
    row({P.HELD}, e.RetryRequested, rules_back.retry_requested, LIVE - {P.HELD}),
)
