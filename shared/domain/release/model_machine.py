"""The machine of a model release: everything that can happen to it, and where it may go from there (I6).

The rule of a row chooses between the phases of the row, and `decide` refuses any other. An event without a row is a
Conflict if a person asked for it, and is noted and ignored otherwise. Two things hold for every row: the answer of a
step counts under the current serial only, and a deadline only once it has come. `docs/state_machine.py` draws it.
"""

from shared.domain.fleet.rollback import circuit_taken
from shared.domain.release import events as e
from shared.domain.release import rules_endings as endings
from shared.domain.release import rules_gates as gates
from shared.domain.release import rules_steps as steps
from shared.domain.release.machine import STAY, machine, row
from shared.domain.release.model import Phase

P = Phase

#: Steps that change nothing in production: when Azure ML refuses one for good, the release has failed.
HARMLESS = frozenset({P.VERIFYING, P.PROMOTING, P.DEPLOYING_TEST, P.TESTING, P.RECORDING_PREVIOUS})

#: Steps in which a change to production may be in flight.
CHANGING = frozenset({P.DEPLOYING_PRODUCTION, P.SETTLING, P.RESTORING})

#: Steps on the way back: whatever refuses one, people must see to it.
REVERSING = frozenset({P.SETTLING, P.RESTORING})

#: Waits for people and for other releases; the release ends when nobody comes.
WAITING = frozenset({P.AWAITING_REGISTRY_APPROVAL, P.AWAITING_PRODUCTION_APPROVAL, P.WAITING_FOR_CIRCUIT})

STEPS = HARMLESS | CHANGING | {P.WAITING_FOR_CIRCUIT}
LIVE = STEPS | WAITING | {P.HELD}

#: How a release ends that had touched production, after production was put back.
PUT_BACK = frozenset({P.ABORTED, P.EXPIRED, P.FAILED})

MODEL = machine(
    # To the registry
    row(
        {P.VERIFYING},
        e.CandidateVerified,
        gates.candidate_verified,
        {P.AWAITING_REGISTRY_APPROVAL, P.PROMOTING, P.HELD},
    ),
    row({P.AWAITING_REGISTRY_APPROVAL}, e.ApprovalSubmitted, gates.approval_submitted, {STAY, P.PROMOTING, P.REJECTED}),
    row({P.PROMOTING}, e.CandidatePromoted, steps.candidate_promoted, {P.WAITING_FOR_CIRCUIT}),
    row({P.WAITING_FOR_CIRCUIT}, e.CircuitAcquired, steps.circuit_acquired, {P.DEPLOYING_TEST}),
    # To the test workspace
    row({P.DEPLOYING_TEST}, e.DeploymentSubmitted, steps.deployment_submitted, {STAY}),
    row({P.DEPLOYING_TEST}, e.DeploymentObserved, steps.test_deployment_observed, {STAY, P.TESTING, P.HELD}),
    row({P.DEPLOYING_TEST}, e.OutcomeUnknown, steps.test_outcome_unknown, {STAY}),
    row({P.TESTING}, e.TestStarted, steps.test_started, {STAY}),
    row({P.TESTING}, e.TestRunChanged, steps.test_run_changed, {STAY}),
    row({P.TESTING}, e.TestStillRunning, steps.test_still_running, {STAY}),
    row(
        {P.TESTING},
        e.TestFinished,
        steps.test_finished,
        {STAY, P.AWAITING_PRODUCTION_APPROVAL, P.RECORDING_PREVIOUS, P.FAILED, P.HELD},
    ),
    # To production; a freeze stands before the change
    row(
        {P.AWAITING_PRODUCTION_APPROVAL},
        e.ApprovalSubmitted,
        gates.approval_submitted,
        {STAY, P.RECORDING_PREVIOUS, P.REJECTED},
    ),
    row({P.RECORDING_PREVIOUS}, e.PreviousRecorded, steps.previous_recorded, {P.DEPLOYING_PRODUCTION, P.HELD}),
    row({P.WAITING_FOR_CIRCUIT}, e.CircuitBusy, steps.circuit_busy, {STAY, P.SUPERSEDED}),
    row({P.RECORDING_PREVIOUS, P.DEPLOYING_PRODUCTION}, e.CircuitBusy, steps.circuit_busy, {STAY}),
    row({P.DEPLOYING_PRODUCTION, P.RESTORING}, e.DeploymentSubmitted, steps.deployment_submitted, {STAY}),
    row(
        {P.DEPLOYING_PRODUCTION},
        e.DeploymentObserved,
        steps.production_deployment_observed,
        {STAY, P.RELEASED, P.HELD},
    ),
    row({P.DEPLOYING_PRODUCTION}, e.OutcomeUnknown, endings.production_outcome_unknown, {P.SETTLING}),
    # And back
    row(
        {P.SETTLING},
        e.DeploymentObserved,
        endings.settled,
        {STAY, P.DEPLOYING_PRODUCTION, P.RELEASED, P.RESTORING, P.HELD, *PUT_BACK},
    ),
    row({P.RESTORING}, e.DeploymentObserved, endings.restored, {STAY, P.HELD, *PUT_BACK}),
    row({P.RESTORING}, e.OutcomeUnknown, endings.restore_outcome_unknown, {STAY}),
    # Any step
    row(STEPS, e.LookDue, steps.look_due, {STAY}),
    row(STEPS - {P.SETTLING}, e.StepErrored, steps.step_errored, {STAY, P.HELD}),
    row({P.SETTLING}, e.StepErrored, steps.step_errored, {STAY}),
    row(STEPS, e.StepBusy, steps.step_busy, {STAY}),
    row(STEPS - REVERSING, e.StepBlocked, steps.step_blocked, {P.HELD}),
    row(STEPS - CHANGING, e.StepFailed, steps.step_failed, {P.FAILED}),
    row({P.DEPLOYING_PRODUCTION}, e.StepFailed, endings.production_refused, {P.SETTLING}),
    row(REVERSING, e.StepBlocked, endings.reversal_refused, {P.HELD}),
    row(REVERSING, e.StepFailed, endings.reversal_refused, {P.HELD}),
    # Any phase
    row(LIVE - CHANGING - {P.HELD}, e.AbortRequested, endings.abort_requested, {P.ABORTED}),
    row(CHANGING, e.AbortRequested, endings.abort_requested, {P.SETTLING}),
    row({P.HELD}, e.AbortRequested, endings.abort_requested, {P.ABORTED, P.SETTLING}),
    row(LIVE, e.MessageDeadLettered, endings.message_dead_lettered, {P.HELD}),
    row(WAITING, e.DeadlinePassed, endings.gate_expired, {P.EXPIRED}),
    row({P.TESTING}, e.DeadlinePassed, endings.test_overdue, {P.HELD}),
    row({P.DEPLOYING_PRODUCTION}, e.DeadlinePassed, endings.production_overdue, {P.SETTLING}),
    row({P.HELD}, e.DeadlinePassed, endings.hold_expired, {P.EXPIRED, P.SETTLING}),
    row(
        LIVE - WAITING - {P.TESTING, P.DEPLOYING_PRODUCTION, P.HELD},
        e.DeadlinePassed,
        endings.step_overdue,
        {P.HELD},
    ),
    row(LIVE, e.CircuitTaken, circuit_taken, {P.FAILED}),
    row({P.HELD}, e.RetryRequested, endings.retry_requested, LIVE - {P.HELD}),
)
