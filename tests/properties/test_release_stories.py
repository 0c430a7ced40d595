"""Whatever happens to a release, in whatever order and however often: what must hold, holds after each event."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from shared.domain.errors import DomainError
from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.decide import Decision, decide, refused
from shared.domain.release.history import HistoryEntry, broken_at
from shared.domain.release.model import TERMINAL, Actor, Phase, Release
from shared.domain.release.model_machine import MODEL
from shared.domain.release.policy import ApprovalRule, Stage
from shared.domain.release.specs import gate_digest
from tests.properties.strategies import Happening, after, event_of, stories
from tests.support.builders import NOW, a_policy, a_release
from tests.support.drive_model import driven_to, opened, release_in_test
from tests.support.strategies import events as arbitrary_events

#: The same stories at every run; more of them with another profile of hypothesis.
quick = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


@dataclass(frozen=True)
class Moment:
    """One event and what came of it."""

    before: Release
    event: e.Event
    at: datetime
    decision: Decision

    @property
    def after(self) -> Release:
        return self.decision.release


def apply(release: Release, event: e.Event, now: datetime) -> Decision:
    """As the queue does it: a wish that is not allowed is told in the history. Any other error is a failed test."""
    try:
        return decide(release, event, now)
    except DomainError as error:
        if not isinstance(event, e.PERSON_EVENTS):
            raise
        return refused(release, event, error, now)


def moments(story: list[Happening], first: Release) -> Iterator[Moment]:
    """The story told to `first`, one moment at a time; a late happening answers to an earlier state."""
    states, now = [first], NOW
    for number, happening in enumerate(story):
        now = after(now, happening)
        known = states[max(0, len(states) - 1 - happening.late)]
        event = event_of(happening, known, number, now)
        moment = Moment(states[-1], event, now, apply(states[-1], event, now))
        states.append(moment.after)
        yield moment


def opened_for(approvals: int) -> Release:
    """A release that was just opened and whose gates want `approvals` people each."""
    policy = a_policy()
    rules = (ApprovalRule(group="ML-Engineers", count=approvals),)
    return opened(replace(policy, gates={s: replace(gate, approvals=rules) for s, gate in policy.gates.items()}))


#: Where stories begin: just opened, with gates of one or two approvals, or further on the straight road.
firsts = st.sampled_from(
    (
        opened_for(1),
        opened_for(2),
        release_in_test(),
        *(driven_to(phase) for phase in (Phase.DEPLOYING_TEST, Phase.AWAITING_PRODUCTION_APPROVAL)),
        *(driven_to(phase) for phase in (Phase.RECORDING_PREVIOUS, Phase.DEPLOYING_PRODUCTION)),
    )
)


def entries(told: list[Moment]) -> list[HistoryEntry]:
    return [moment.decision.entry for moment in told if moment.decision.entry]


def changes_production(command: c.Command) -> bool:
    return isinstance(command, c.Deploy) and command.phase in (Phase.DEPLOYING_PRODUCTION, Phase.RESTORING)


def eligible(release: Release, actor: Actor) -> bool:
    """By a reading of the rules that shares no code with the core (I4)."""
    asked = {name.lower() for name in release.candidate.requesters} if release.candidate else set()
    mine = {actor.object_id.lower(), actor.username.lower()}
    return actor.is_person and "ML-Engineers" in actor.groups and not mine & asked


def approved(release: Release, stage: Stage) -> bool:
    """Enough different eligible people said yes to what is there now (I2, I5)."""
    digest = gate_digest(release, stage)
    said = [a for a in release.approvals if a.approved and a.stage is stage and a.digest == digest]
    people = {(a.actor.tenant_id, a.actor.object_id) for a in said if eligible(release, a.actor)}
    return len(people) == len(said) and len(people) >= release.policy.gates[stage].approvals[0].count


def lowered_unasked(release: Release) -> bool:
    """Whether version 7 goes over 9 and somebody's yes has no reason, or nobody was shown it (I29)."""
    previous, found = release.target.previous, release.target.found
    if previous is None or not previous.model.endswith("/9"):
        return False
    told = found is not None and found.model == previous.model
    return not told or not all(a.reason for a in release.approvals if a.stage is Stage.PRODUCTION)


def check(moment: Moment) -> None:
    """What must hold of any one event, I1 to I7."""
    before, now = moment.before, moment.after
    answer = MODEL.get((before.phase, type(moment.event)))
    assert now.phase is before.phase or (answer and now.phase in answer.to), "I6"
    if before.phase in TERMINAL:
        beside = {"history_count": 0, "history_hash": "", "undone_by": "", "pull_request": ""}
        assert replace(now, **beside) == replace(before, **beside)
        assert now.undone_by == before.undone_by or isinstance(moment.event, e.Undone)
        assert now.pull_request == before.pull_request or isinstance(moment.event, e.EnvironmentProposed)
        assert moment.decision.commands == ()
    if before.production_touched:
        assert now.production_touched, "nobody forgets that production was touched"
        assert now.target.previous == before.target.previous, "I1: previous is written once"
    if before.targets and before.candidate == now.candidate:
        assert [t.plan for t in now.targets] == [t.plan for t in before.targets], "I17"
    if any(changes_production(command) for command in moment.decision.commands):
        assert now.target.previous_recorded, "I1"
        assert now.target.touched, "I1"
        assert now.target.epoch is not None, "I7"
        assert approved(now, Stage.REGISTRY), "I2"
        assert approved(now, Stage.PRODUCTION), "I2"
        assert now.phase in (Phase.DEPLOYING_PRODUCTION, Phase.RESTORING), "I3"
        assert not lowered_unasked(now), "I29"
    if now.phase is Phase.REJECTED:
        assert not now.production_touched, "I3"
    ended = now.phase in TERMINAL - {Phase.RELEASED} and before.phase is not now.phase
    if now.production_touched and ended and not isinstance(moment.event, e.CircuitTaken):  # whoever took it looks
        assert before.phase in (Phase.SETTLING, Phase.RESTORING), "I3: nothing ends before production was looked at"
    if now.phase in TERMINAL and before.phase is not now.phase and now.circuit_claimed:
        assert any(isinstance(command, c.FreeCircuit) for command in moment.decision.commands), "L2"
    for command in moment.decision.commands:
        if isinstance(command, c.FreeCircuit):
            least = now.policy.limits.settle_quiet_s if now.production_touched else 0
            assert command.cool_down_s >= least, "I7: a request in flight must not land on the next holder's work"
    if now.phase is Phase.RELEASED and before.phase is not Phase.RELEASED:
        seen = moment.event
        assert isinstance(seen, e.DeploymentObserved), "done is what was read back"
        assert (seen.running, seen.in_progress, seen.broken) == (e.Running.WANTED, False, False)
        assert seen.serial == before.serial


@seed(20260105)
@quick
@given(stories, firsts)
def test_what_must_hold_holds_after_every_event_of_any_story(story: list[Happening], first: Release) -> None:
    """I1-I7, and a history that verifies (I21), whatever is repeated, late, early or made up."""
    told = list(moments(story, first))
    for moment in told:
        check(moment)

    history = entries(told)
    first_count, last = told[0].before.history_count, told[-1].after
    assert last.history_count == first_count + len(history)
    assert [entry.number for entry in history] == list(range(first_count + 1, last.history_count + 1))


@seed(20260106)
@quick
@given(stories, firsts)
def test_the_history_chain_verifies_and_tells_every_move(story: list[Happening], first: Release) -> None:
    """Who, what, when, without a gap; any altered entry breaks it (I21)."""
    told = list(moments(story, replace(first, history_count=0, history_hash="")))
    history = entries(told)

    assert broken_at(history) is None
    assert [e_.digest for e_ in history[-1:]] == [told[-1].after.history_hash] * bool(history)
    moved = [m for m in told if m.before.phase is not m.after.phase]
    assert all(m.decision.entry and m.decision.entry.phase_after is m.after.phase for m in moved)
    assert all(a.phase_after is b.phase_before for a, b in pairwise(history))
    if history:
        forged = [*history[:-1], replace(history[-1], note=history[-1].note + ".")]
        assert broken_at(forged) == history[-1].number


@seed(20260107)
@quick
@given(stories, firsts, st.randoms(use_true_random=False))
def test_repeating_and_reordering_the_events_of_a_story_breaks_nothing(
    story: list[Happening], first: Release, dice: Any
) -> None:
    """The events of one story, each up to three times and shuffled, told to the same release behind an inbox (I13)."""
    told = [moment.event for moment in moments(story, first)]
    messages = [event for event in told for _ in range(dice.randint(1, 3))]
    dice.shuffle(messages)
    release, inbox, now = first, set[str](), NOW
    for event in messages:
        if event.event_id in inbox:
            continue
        decision = apply(release, event, now)
        check(Moment(release, event, now, decision))
        if decision.entry:
            inbox.add(event.event_id)
        release = decision.release
    assert release.history_count == first.history_count + len(inbox)


@seed(20260108)
@quick
@given(stories, firsts)
def test_an_event_without_history_may_act_twice_without_harm(story: list[Happening], first: Release) -> None:
    """It gets no inbox row: the second time it neither moves the release nor sends another command (I13)."""
    for moment in moments(story, first):
        if moment.decision.entry is None:
            again = apply(moment.after, moment.event, moment.at)
            first_ids = {command.command_id for command in moment.decision.commands}
            assert again.release == moment.after
            assert {command.command_id for command in again.commands} <= first_ids


@seed(20260109)
@settings(quick, max_examples=300)
@given(st.sampled_from(list(Phase)), arbitrary_events(), st.booleans())
def test_decide_answers_any_event_in_any_phase(phase: Phase, event: e.Event, current: bool) -> None:
    """Total: a transition, an ignored, or a DomainError for a person; terminal phases never change,
    but for what is told beside them: that the release was undone, and the pull request it led to."""
    release = a_release(phase)
    approvals = (replace(each, digest=gate_digest(release, each.stage)) for each in release.approvals)
    release = replace(release, approvals=tuple(approvals))
    event = replace(event, release_id=release.release_id)
    if current and isinstance(event, e.StepEvent):
        event = replace(event, serial=release.serial)

    decision = apply(release, event, NOW)

    check(Moment(release, event, NOW, decision))
    assert decision.release.release_id == release.release_id


@seed(20260110)
@quick
@given(stories, firsts)
def test_commands_are_told_apart_by_their_ids(story: list[Happening], first: Release) -> None:
    """Two different commands never share an id: the broker would drop the second (I22)."""
    known: dict[str, c.Command] = {}
    for moment in moments(story, first):
        for command in moment.decision.commands:
            assert known.setdefault(command.command_id, command) == command
