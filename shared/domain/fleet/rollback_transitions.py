"""The legal moves of a rollback that is a release of its own, in the form of `shared/domain/release/transitions.py`."""

from shared.domain.release import events as e
from shared.domain.release.events import Event
from shared.domain.release.model import Phase

P = Phase

#: The steps of a rollback, in order, without its gate and its endings.
STEPS = (P.FREEZING_TARGETS, P.WAITING_FOR_FLEET, P.ROLLING_BACK, P.VERIFYING_ROLLBACK)
LIVE = (*STEPS, P.AWAITING_ROLLBACK_APPROVAL, P.HELD)

TRANSITIONS: dict[tuple[Phase, type[Event]], frozenset[Phase]] = {}


def _allow(phase: Phase, event: type[Event], *to: Phase) -> None:
    TRANSITIONS[phase, event] = frozenset(to)


_GATE = P.AWAITING_ROLLBACK_APPROVAL
_allow(P.FREEZING_TARGETS, e.TargetsListed, P.FREEZING_TARGETS, _GATE, P.WAITING_FOR_FLEET, P.FAILED)
_allow(P.FREEZING_TARGETS, e.RollbackRequested, P.FREEZING_TARGETS)
_allow(_GATE, e.RollbackRequested, _GATE, P.WAITING_FOR_FLEET)
_allow(_GATE, e.ApprovalSubmitted, _GATE, P.WAITING_FOR_FLEET, P.REJECTED)
_allow(P.WAITING_FOR_FLEET, e.FleetAcquired, P.ROLLING_BACK)
_allow(P.WAITING_FOR_FLEET, e.CircuitBusy, P.WAITING_FOR_FLEET)
_allow(P.ROLLING_BACK, e.TargetAnswered, P.ROLLING_BACK, P.VERIFYING_ROLLBACK, P.HELD)
_allow(P.VERIFYING_ROLLBACK, e.TargetAnswered, P.VERIFYING_ROLLBACK, P.ROLLED_BACK, P.HELD)

for _phase in STEPS:
    _allow(_phase, e.LookDue, _phase)
for _phase in (P.ROLLING_BACK, P.VERIFYING_ROLLBACK):  # a look may find that nothing is left to do
    _allow(_phase, e.LookDue, *TRANSITIONS[_phase, e.TargetAnswered])
for _phase in (P.FREEZING_TARGETS, P.WAITING_FOR_FLEET):
    _allow(_phase, e.StepErrored, _phase, P.HELD)
    _allow(_phase, e.StepFailed, P.FAILED)
for _phase in LIVE:
    _allow(_phase, e.AbortRequested, P.ABORTED)
    _allow(_phase, e.MessageDeadLettered, P.HELD)
    _allow(_phase, e.DeadlinePassed, P.HELD)
_allow(_GATE, e.DeadlinePassed, P.EXPIRED)
_allow(P.HELD, e.DeadlinePassed, P.EXPIRED)
_allow(P.HELD, e.RetryRequested, *STEPS, _GATE, P.ROLLED_BACK)
