"""The legal moves of a model release, all of them (invariant I6): (phase, event) -> the phases that may follow.

Everything that decides where a release may go lives in this table; `decide` refuses a rule that goes elsewhere, and
docs/state-machine.md is generated from it. What the table cannot say: which of several phases follows (that is in
`rules_*.py`), that a step's answer counts only with the current serial, and that nothing leaves a terminal phase.
A pair that is missing is a Conflict for a person's request, and is ignored with a note for anything else.
"""

from shared.domain.release import events as e
from shared.domain.release.events import Event
from shared.domain.release.model import Phase

P = Phase

#: The phases in which a step is carried out; they are looked at again and again until they answer.
WORKING = (
    P.VERIFYING,
    P.PROMOTING,
    P.WAITING_FOR_CIRCUIT,
    P.DEPLOYING_TEST,
    P.TESTING,
    P.RECORDING_PREVIOUS,
    P.DEPLOYING_PRODUCTION,
    P.SETTLING,
    P.RESTORING,
)

#: Every phase that is not terminal can be put on hold or ended by a person.
LIVE = (*WORKING, P.AWAITING_REGISTRY_APPROVAL, P.AWAITING_PRODUCTION_APPROVAL, P.HELD)

#: Where a release ends when production was touched: after it has been put back.
_PUT_BACK = {P.ABORTED, P.EXPIRED, P.FAILED}

TRANSITIONS: dict[tuple[Phase, type[Event]], frozenset[Phase]] = {}


def _allow(phase: Phase, event: type[Event], *to: Phase) -> None:
    TRANSITIONS[phase, event] = frozenset(to)


_allow(P.VERIFYING, e.CandidateVerified, P.AWAITING_REGISTRY_APPROVAL, P.PROMOTING)
_allow(P.AWAITING_REGISTRY_APPROVAL, e.ApprovalSubmitted, P.AWAITING_REGISTRY_APPROVAL, P.PROMOTING, P.REJECTED)
_allow(P.PROMOTING, e.CandidatePromoted, P.WAITING_FOR_CIRCUIT)
_allow(P.WAITING_FOR_CIRCUIT, e.CircuitAcquired, P.DEPLOYING_TEST)
_allow(P.WAITING_FOR_CIRCUIT, e.CircuitBusy, P.WAITING_FOR_CIRCUIT)

_allow(P.DEPLOYING_TEST, e.DeploymentSubmitted, P.DEPLOYING_TEST)
_allow(P.DEPLOYING_TEST, e.DeploymentObserved, P.DEPLOYING_TEST, P.TESTING, P.HELD)
_allow(P.DEPLOYING_TEST, e.OutcomeUnknown, P.DEPLOYING_TEST)

_allow(P.TESTING, e.TestStarted, P.TESTING)
_allow(P.TESTING, e.TestRunChanged, P.TESTING)
_allow(P.TESTING, e.TestStillRunning, P.TESTING)
_allow(
    P.TESTING,
    e.TestFinished,
    P.TESTING,
    P.AWAITING_PRODUCTION_APPROVAL,
    P.RECORDING_PREVIOUS,
    P.FAILED,
    P.HELD,
)

_allow(
    P.AWAITING_PRODUCTION_APPROVAL,
    e.ApprovalSubmitted,
    P.AWAITING_PRODUCTION_APPROVAL,
    P.RECORDING_PREVIOUS,
    P.REJECTED,
)
_allow(P.RECORDING_PREVIOUS, e.PreviousRecorded, P.DEPLOYING_PRODUCTION)
for _phase in (P.RECORDING_PREVIOUS, P.DEPLOYING_PRODUCTION):  # a freeze stands before the change
    _allow(_phase, e.CircuitBusy, _phase)

_allow(P.DEPLOYING_PRODUCTION, e.DeploymentSubmitted, P.DEPLOYING_PRODUCTION)
_allow(P.DEPLOYING_PRODUCTION, e.DeploymentObserved, P.DEPLOYING_PRODUCTION, P.RELEASED, P.HELD)
_allow(P.DEPLOYING_PRODUCTION, e.OutcomeUnknown, P.SETTLING)

_allow(
    P.SETTLING,
    e.DeploymentObserved,
    P.SETTLING,
    P.DEPLOYING_PRODUCTION,
    P.RELEASED,
    P.RESTORING,
    P.HELD,
    *_PUT_BACK,
)
_allow(P.RESTORING, e.DeploymentSubmitted, P.RESTORING)
_allow(P.RESTORING, e.DeploymentObserved, P.RESTORING, P.HELD, *_PUT_BACK)
_allow(P.RESTORING, e.OutcomeUnknown, P.RESTORING)

for _phase in WORKING:
    _allow(_phase, e.LookDue, _phase)
    _allow(_phase, e.StepErrored, _phase, P.HELD)
_allow(P.SETTLING, e.StepErrored, P.SETTLING)
for _phase in (P.VERIFYING, P.PROMOTING, P.DEPLOYING_TEST, P.TESTING, P.RECORDING_PREVIOUS):
    _allow(_phase, e.StepFailed, P.FAILED)
_allow(P.DEPLOYING_PRODUCTION, e.StepFailed, P.SETTLING)
_allow(P.RESTORING, e.StepFailed, P.HELD)

for _phase in LIVE:
    _allow(_phase, e.AbortRequested, P.ABORTED)
    _allow(_phase, e.MessageDeadLettered, P.HELD)
    _allow(_phase, e.DeadlinePassed, P.HELD)
    _allow(_phase, e.CircuitTaken, P.FAILED)
for _phase in (P.AWAITING_REGISTRY_APPROVAL, P.AWAITING_PRODUCTION_APPROVAL, P.WAITING_FOR_CIRCUIT):
    _allow(_phase, e.DeadlinePassed, P.EXPIRED)
_allow(P.DEPLOYING_PRODUCTION, e.DeadlinePassed, P.SETTLING)
_allow(P.HELD, e.DeadlinePassed, P.EXPIRED, P.SETTLING)
_allow(P.HELD, e.RetryRequested, *(phase for phase in LIVE if phase is not P.HELD))
for _phase in (P.DEPLOYING_PRODUCTION, P.SETTLING, P.RESTORING):
    _allow(_phase, e.AbortRequested, P.SETTLING)
_allow(P.HELD, e.AbortRequested, P.ABORTED, P.SETTLING)
