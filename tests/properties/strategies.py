"""Stories: what may happen to one release, in any order, any number of times, at any pace.

A story is a list of happenings. Each is turned into an event of the release as it is at that moment, or as it was
earlier (a late answer), so that most of them fit and the release gets far; some are arbitrary events of any type.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from shared.domain.release import events as e
from shared.domain.release.lowering import found_in
from shared.domain.release.model import GATE_OF_PHASE, Actor, Phase, Release, Verdict
from shared.domain.release.policy import Stage
from shared.domain.release.specs import gate_digest
from tests.support.builders import a_candidate, a_plan, a_spec, an_actor
from tests.support.strategies import events as arbitrary_events

REQUESTER = an_actor(1, object_id=a_candidate().requesters[0])
OUTSIDER = an_actor(9, groups=("Readers",))
ROBOT = an_actor(8, is_person=False)
PEOPLE = (an_actor(2), an_actor(3), REQUESTER, OUTSIDER, ROBOT)

JOBS = ("job-1", "job-2")


@dataclass(frozen=True)
class Happening:
    """What happens: `kind` names it, `late` says how many states back the release is that it answers to."""

    kind: str
    late: int
    wait_s: int
    actor: Actor
    approved: bool
    digest_fits: bool
    stage: Stage
    running: e.Running
    verdict: Verdict
    flags: tuple[bool, bool]
    job_name: str
    previous: bool
    other: e.Event


_REGISTRY = "azureml://registries/mlregistry-shared"
#: A newer environment than the one of the plan, which is kept; and a newer model than the candidate, which goes down.
_KEPT = {"environment": f"{_REGISTRY}/environments/custom-tf-env/versions/1.9.0"}
_AHEAD = {"model": f"{_REGISTRY}/models/sensor_model_P001_C001/versions/9"}


def _step(kind: type[e.StepEvent], **content: Any) -> Callable[[Happening, Release], dict[str, Any]]:
    return lambda happening, release: {"kind": kind, "serial": release.serial, **content}


#: What answers the current step of the straight road; it gets a story far.
_NEXT: dict[Phase, str] = {
    Phase.VERIFYING: "verified",
    Phase.AWAITING_REGISTRY_APPROVAL: "decision",
    Phase.PROMOTING: "promoted",
    Phase.WAITING_FOR_CIRCUIT: "acquired",
    Phase.DEPLOYING_TEST: "observed",
    Phase.AWAITING_PRODUCTION_APPROVAL: "decision",
    Phase.RECORDING_PREVIOUS: "recorded",
    Phase.DEPLOYING_PRODUCTION: "observed",
    Phase.SETTLING: "observed",
    Phase.RESTORING: "observed",
    Phase.HELD: "retry",
}

_MAKE: dict[str, Callable[[Happening, Release], dict[str, Any]]] = {
    "verified": _step(e.CandidateVerified, candidate=a_candidate(), plan=a_plan()),
    "promoted": _step(e.CandidatePromoted, registry_model_id="registry/model", registry_environment_id="registry/env"),
    "acquired": lambda h, r: {
        "kind": e.CircuitAcquired,
        "serial": r.serial,
        "epoch": 4,
        "found": found_in(replace(a_spec(), **(_AHEAD if h.flags[0] else _KEPT))) if h.previous else None,
    },
    "busy": _step(e.CircuitBusy, holder="another"),
    "submitted": _step(e.DeploymentSubmitted),
    "errored": _step(e.StepErrored, reason="503"),
    "failed": _step(e.StepFailed, reason="403"),
    "unknown": _step(e.OutcomeUnknown, reason="no answer"),
    "deadline": _step(e.DeadlinePassed),
    "look": lambda h, r: {"kind": e.LookDue, "serial": r.serial, "look": r.look + 1},
    "recorded": lambda h, r: {
        "kind": e.PreviousRecorded,
        "serial": r.serial,
        "previous": replace(a_spec(), **(_AHEAD if h.flags[0] else {})) if h.previous else None,
    },
    "observed": lambda h, r: {
        "kind": e.DeploymentObserved,
        "serial": r.serial,
        "running": h.running,
        "in_progress": h.flags[0],
        "broken": h.flags[1],
        "detail": "read back",
    },
    "started": lambda h, r: {"kind": e.TestStarted, "serial": r.serial, "job_name": h.job_name},
    "finished": lambda h, r: {
        "kind": e.TestFinished,
        "serial": r.serial,
        "job_name": h.job_name,
        "verdict": h.verdict,
        "detail": "ended",
    },
    "hint": lambda h, r: {"kind": e.TestRunChanged, "job_name": h.job_name},
    "abort": lambda h, r: {"kind": e.AbortRequested, "actor": h.actor, "reason": "wrong model"},
    "retry": lambda h, r: {"kind": e.RetryRequested, "actor": h.actor, "reason": ""},
    "dead": lambda h, r: {"kind": e.MessageDeadLettered, "queue": "effects", "message_id": "m", "reason": "x"},
    "decision": lambda h, r: {
        "kind": e.ApprovalSubmitted,
        "stage": GATE_OF_PHASE.get(r.phase, h.stage),
        "actor": h.actor,
        "approved": h.approved,
        "digest": gate_digest(r, GATE_OF_PHASE.get(r.phase, h.stage)) if h.digest_fits and r.candidate else "0" * 64,
        "reason": "looked at it" if h.flags[1] else "",
    },
}


def event_of(happening: Happening, release: Release, number: int, now: datetime) -> e.Event:
    """The event by which `happening` reaches `release`; `number` makes its id."""
    if happening.kind == "other":
        return replace(happening.other, event_id=f"event-{number}", release_id=release.release_id)
    kind_name = happening.kind
    if kind_name == "next":
        kind_name = _NEXT.get(release.phase, "started" if not release.submitted else "finished")
    content = _MAKE[kind_name](happening, release)
    kind = content.pop("kind")
    event: e.Event = kind(event_id=f"event-{number}", release_id=release.release_id, occurred_at=now, **content)
    return event


_happenings = st.builds(
    Happening,
    kind=st.sampled_from(("next",) * 24 + (*_MAKE, "other")),
    late=st.sampled_from((0,) * 9 + (1, 2, 5)),
    wait_s=st.sampled_from((0, 1, 30, 200, 100_000)),
    actor=st.sampled_from((an_actor(2), an_actor(3), *PEOPLE)),
    approved=st.sampled_from((True,) * 7 + (False,)),
    digest_fits=st.sampled_from((True,) * 7 + (False,)),
    stage=st.sampled_from((Stage.REGISTRY, Stage.PRODUCTION)),
    running=st.sampled_from((*[e.Running.WANTED] * 3, *e.Running)),
    verdict=st.sampled_from((*[Verdict.PASSED] * 6, *Verdict)),
    flags=st.sampled_from(((False, False), (False, False), (False, False), (True, False), (False, True))),
    job_name=st.sampled_from((JOBS[0], *JOBS)),
    previous=st.booleans(),
    other=arbitrary_events(),
)

stories = st.lists(_happenings, min_size=5, max_size=40)


def after(now: datetime, happening: Happening) -> datetime:
    """When it happens."""
    return now + timedelta(seconds=happening.wait_s)
