"""The legal moves of an environment release, in the form of `shared/domain/release/transitions.py`."""

from shared.domain.release import events as e
from shared.domain.release.events import Event
from shared.domain.release.model import Phase

P = Phase

#: The steps of an environment release, in order, without gates and endings.
STEPS = (
    P.VERIFYING,
    P.PROMOTING,
    P.WAITING_FOR_FLEET,
    P.FREEZING_TARGETS,
    P.CHECKING,
    P.UPDATING,
    P.WATCHING,
    P.ROLLING_BACK,
    P.VERIFYING_ROLLBACK,
)
GATES = (P.AWAITING_REGISTRY_APPROVAL, P.AWAITING_PRODUCTION_APPROVAL)
LIVE = (*STEPS, *GATES, P.AWAITING_ROLLBACK_APPROVAL, P.HELD)

#: Where a release can end once its targets are back.
_BACK = (P.VERIFYING_ROLLBACK, P.ROLLED_BACK, P.ABORTED, P.EXPIRED, P.HELD)

TRANSITIONS: dict[tuple[Phase, type[Event]], frozenset[Phase]] = {}


def _allow(phase: Phase, event: type[Event], *to: Phase) -> None:
    TRANSITIONS[phase, event] = frozenset(to)


_allow(P.VERIFYING, e.EnvironmentVerified, P.AWAITING_REGISTRY_APPROVAL, P.PROMOTING)
_allow(P.AWAITING_REGISTRY_APPROVAL, e.ApprovalSubmitted, P.AWAITING_REGISTRY_APPROVAL, P.PROMOTING, P.REJECTED)
for _phase in (P.VERIFYING, P.AWAITING_REGISTRY_APPROVAL):
    _allow(_phase, e.EvidenceSubmitted, _phase)
_allow(P.PROMOTING, e.EnvironmentPromoted, P.WAITING_FOR_FLEET)
_allow(P.WAITING_FOR_FLEET, e.FleetAcquired, P.FREEZING_TARGETS)
_allow(P.WAITING_FOR_FLEET, e.CircuitBusy, P.WAITING_FOR_FLEET)
_allow(P.FREEZING_TARGETS, e.TargetsListed, P.FREEZING_TARGETS, P.CHECKING, P.FAILED)
_allow(P.CHECKING, e.TargetAnswered, P.CHECKING, P.AWAITING_PRODUCTION_APPROVAL, P.UPDATING, P.FAILED, P.HELD)
_allow(P.AWAITING_PRODUCTION_APPROVAL, e.ApprovalSubmitted, P.AWAITING_PRODUCTION_APPROVAL, P.UPDATING, P.REJECTED)
_allow(P.UPDATING, e.TargetAnswered, P.UPDATING, P.WATCHING, P.HELD)
_allow(P.WATCHING, e.DeadlinePassed, P.RELEASED)
_allow(P.ROLLING_BACK, e.TargetAnswered, P.ROLLING_BACK, *_BACK)
_allow(P.VERIFYING_ROLLBACK, e.TargetAnswered, P.VERIFYING_ROLLBACK, P.ROLLED_BACK, P.HELD)
for _phase in (P.UPDATING, P.WATCHING, P.HELD):
    _allow(_phase, e.RollbackRequested, P.ROLLING_BACK, *_BACK)
_GATE = P.AWAITING_ROLLBACK_APPROVAL
_allow(P.WATCHING, e.RollbackRequested, P.ROLLING_BACK, _GATE)
_allow(P.WATCHING, e.BatchJobsCounted, P.WATCHING, P.ROLLING_BACK, _GATE, P.HELD)
_allow(_GATE, e.RollbackRequested, P.ROLLING_BACK, _GATE)
_allow(_GATE, e.ApprovalSubmitted, _GATE, P.ROLLING_BACK, P.WATCHING)

for _phase in STEPS:
    _allow(_phase, e.LookDue, _phase)
for _phase in (
    P.CHECKING,
    P.UPDATING,
    P.ROLLING_BACK,
    P.VERIFYING_ROLLBACK,
):  # a look may find that nothing is left to do
    _allow(_phase, e.LookDue, *TRANSITIONS[_phase, e.TargetAnswered])
for _phase in (P.VERIFYING, P.PROMOTING, P.WAITING_FOR_FLEET, P.FREEZING_TARGETS):
    _allow(_phase, e.StepErrored, _phase, P.HELD)
    _allow(_phase, e.StepFailed, P.FAILED)
for _phase in LIVE:
    _allow(_phase, e.AbortRequested, P.ABORTED)
    _allow(_phase, e.MessageDeadLettered, P.HELD)
    _allow(_phase, e.CircuitTaken, _phase)
    if (_phase, e.DeadlinePassed) not in TRANSITIONS:
        _allow(_phase, e.DeadlinePassed, P.HELD)
for _phase in (*GATES, P.WAITING_FOR_FLEET):
    _allow(_phase, e.DeadlinePassed, P.EXPIRED)
_allow(P.HELD, e.DeadlinePassed, P.EXPIRED, P.ROLLING_BACK, *_BACK)
_allow(P.HELD, e.RetryRequested, *(phase for phase in LIVE if phase is not P.HELD), P.FAILED)
for _phase in (P.UPDATING, P.WATCHING, _GATE, P.ROLLING_BACK, P.VERIFYING_ROLLBACK, P.HELD):
    _allow(_phase, e.AbortRequested, P.ABORTED, P.ROLLING_BACK, P.HELD)
