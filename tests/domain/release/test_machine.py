"""What a machine refuses to be, what all of them are, and the picture of them."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from shared.domain.errors import DomainError
from shared.domain.fleet.lanes import WORK, begin
from shared.domain.release import events as e
from shared.domain.release import rules_endings as endings
from shared.domain.release import rules_gates as gates
from shared.domain.release import rules_steps as steps
from shared.domain.release.commands import ScheduleEvent
from shared.domain.release.decide import MACHINES, decide
from shared.domain.release.machine import STAY, MachineRow, machine, row
from shared.domain.release.model import LOOKED_AT, TERMINAL, Kind, Phase
from shared.domain.release.steps import look_due, phase_deadline_s
from shared.domain.release.waiting import waiting
from tests.support import events as samples
from tests.support.builders import NOW, a_fleet_release, a_release, a_rollback
from tests.support.drive_model import next_event, opened
from tests.support.online_releases import an_online_release

A_DAY = timedelta(days=1)
ROOT = Path(__file__).parents[3]
SAMPLES = {type(event): event for event in samples.ALL}

PAIRS = [(kind, *pair) for kind in Kind for pair in MACHINES[kind]]
PHASES = [(kind, phase) for kind in Kind for phase in sorted({p for k, p, _ in PAIRS if k is kind})]
FIRST = {kind: Phase.FREEZING_TARGETS if kind is Kind.ROLLBACK else Phase.VERIFYING for kind in Kind}
BUILD = {
    Kind.MODEL: a_release,
    Kind.ENVIRONMENT: a_fleet_release,
    Kind.ROLLBACK: a_rollback,
    Kind.ONLINE: an_online_release,
}

#: A table of one step and one hold that has everything it needs.
STEP, HOLD, BOTH = {Phase.VERIFYING}, {Phase.HELD}, {Phase.VERIFYING, Phase.HELD}
LOOK = row(STEP, e.LookDue, steps.look_due, {STAY})
ABORT = row(BOTH, e.AbortRequested, endings.abort_requested, {Phase.ABORTED})
LOST = row(BOTH, e.MessageDeadLettered, endings.message_dead_lettered, HOLD)
OVERDUE = row(BOTH, e.DeadlinePassed, endings.step_overdue, {Phase.HELD, Phase.EXPIRED})
SMALL = (LOOK, ABORT, LOST, OVERDUE)


def test_a_row_is_the_answer_in_each_of_its_phases() -> None:
    """Rule and destinations come together; to stay is to lead to the phase itself."""
    small = machine(*SMALL)

    assert len(small) == 7
    assert (small[Phase.HELD, e.AbortRequested].rule, small[Phase.HELD, e.AbortRequested].to) == (
        endings.abort_requested,
        {Phase.ABORTED},
    )
    assert small[Phase.VERIFYING, e.LookDue].to == STEP


@pytest.mark.parametrize("second", [LOOK, row(BOTH, e.AbortRequested, endings.abort_requested, HOLD)])
def test_two_rows_for_one_pair_are_refused(second: MachineRow) -> None:
    """Neither of them overrules the other, even if they say the same."""
    with pytest.raises(ValueError, match=f"{second.event.__name__} has two rows"):
        machine(*SMALL, second)


@pytest.mark.parametrize("ended", sorted(TERMINAL))
def test_a_row_in_a_terminal_phase_is_refused(ended: Phase) -> None:
    """What has ended is final (I6)."""
    with pytest.raises(ValueError, match=f"StepFailed has a row in {ended}"):
        machine(*SMALL, row({Phase.VERIFYING, ended}, e.StepFailed, steps.step_failed, {Phase.FAILED}))


def test_a_row_without_a_phase_is_refused() -> None:
    """Nobody would ever read it."""
    with pytest.raises(ValueError, match="StepFailed has no phase"):
        machine(*SMALL, row(STEP - BOTH, e.StepFailed, steps.step_failed, {Phase.FAILED}))


def test_a_row_that_leads_nowhere_is_refused() -> None:
    """Its rule could only break the table."""
    with pytest.raises(ValueError, match="StepFailed leads nowhere"):
        machine(*SMALL, row(STEP, e.StepFailed, steps.step_failed, STEP - BOTH))


@pytest.mark.parametrize("lacking", SMALL, ids=lambda lacking: lacking.event.__name__)
def test_a_phase_that_nothing_ends_or_looks_at_is_refused(lacking: MachineRow) -> None:
    """No release can get stuck without a look, a deadline or a person being able to end it (L1)."""
    with pytest.raises(ValueError, match=f"has no row for {lacking.event.__name__}"):
        machine(*(each for each in SMALL if each is not lacking))


def test_a_destination_that_has_no_rows_is_refused() -> None:
    """A release would arrive there and never leave."""
    with pytest.raises(ValueError, match=r"promoting has no row for AbortRequested, .*LookDue"):
        machine(*SMALL, row(STEP, e.CandidateVerified, gates.candidate_verified, {Phase.PROMOTING}))


def test_a_look_where_nobody_looks_is_refused() -> None:
    """People decide on a hold, and no look is ever scheduled for it."""
    with pytest.raises(ValueError, match="held has a row for LookDue"):
        machine(*SMALL, row(HOLD, e.LookDue, steps.look_due, {STAY}))


def test_no_answer_can_be_changed_after_the_table_was_checked() -> None:
    """What was checked is what runs."""
    assert not hasattr(machine(*SMALL), "__setitem__")


@pytest.mark.parametrize(("kind", "phase"), PHASES)
def test_every_live_phase_can_be_aborted_and_ends_waiting_at_its_deadline(kind: Kind, phase: Phase) -> None:
    """L1. A new phase needs its time in `phase_deadline_s` (steps.py), and what it waits for in waiting.py."""
    release = BUILD[kind](phase)
    said = waiting(release)

    assert {(phase, e.AbortRequested), (phase, e.DeadlinePassed)} <= set(MACHINES[kind])
    assert phase_deadline_s(release) > 0
    assert said
    assert said.waits_for
    assert said.who_can_end_it


@pytest.mark.parametrize(("kind", "phase"), PHASES)
def test_every_live_phase_has_a_way_to_an_end(kind: Kind, phase: Phase) -> None:
    """However often a release is held or put back on the way."""
    assert reached_from(phase, kind) & TERMINAL


@pytest.mark.parametrize("kind", Kind)
def test_every_phase_can_be_reached_from_the_start(kind: Kind) -> None:
    """No dead entries in the table, and no phase that no kind of release has."""
    assert {phase for of, phase in PHASES if of is kind} <= reached_from(FIRST[kind], kind)
    assert {phase for _, phase in PHASES} | TERMINAL == set(Phase)


@pytest.mark.parametrize(("kind", "phase"), PHASES)
def test_a_retry_leads_back_to_every_phase_that_can_be_held(kind: Kind, phase: Phase) -> None:
    """A hold is never the end of the road."""
    assert phase is Phase.HELD or phase in MACHINES[kind][Phase.HELD, e.RetryRequested].to


@pytest.mark.parametrize(("kind", "phase"), [(kind, phase) for kind, phase in PHASES if phase in LOOKED_AT])
def test_every_look_asks_how_the_step_is_doing(kind: Kind, phase: Phase) -> None:
    """A new phase needs its command: `_STEP_COMMANDS` or `observe_commands` (steps.py), or `work_on` (lanes.py). One
    that waits until nothing is in flight any more asks after that."""
    release = BUILD[kind](phase)
    if phase in WORK:
        release, _ = begin(release, NOW)

    said = decide(release, look_due(release), NOW + A_DAY)

    assert [command for command in said.commands if not isinstance(command, ScheduleEvent)]


def reached_from(start: Phase, kind: Kind) -> set[Phase]:
    """The phases a release may be in after any number of moves."""
    reached, frontier = {start}, {start}
    while frontier:
        frontier = {after for (of, _), answer in MACHINES[kind].items() if of in frontier for after in answer.to}
        frontier -= reached
        reached |= frontier
    return reached


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("event_type", e.EVENT_TYPES)
@pytest.mark.parametrize("kind", Kind)
def test_decide_is_total(kind: Kind, phase: Phase, event_type: type[e.Event]) -> None:
    """Every phase and event: a transition, an ignored, or a domain error; never anything else."""
    release = BUILD[kind](phase)
    event = SAMPLES[event_type]
    event = event_type(**{**event.__dict__, "release_id": release.release_id})
    answer = MACHINES[kind].get((phase, event_type))
    allowed = (answer.to if answer else frozenset()) | {phase}
    try:
        after = decide(release, event, NOW).release.phase
    except DomainError:
        after = phase if isinstance(event, e.PERSON_EVENTS) else None

    assert after in allowed


def test_the_committed_picture_is_current() -> None:
    """docs/state-machine.md is generated from the table."""
    done = subprocess.run(
        [sys.executable, "docs/state_machine.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")


def test_there_is_a_sample_of_every_event() -> None:
    """The totality test leaves nothing out."""
    assert set(SAMPLES) == set(e.EVENT_TYPES)


def test_the_same_event_at_the_same_time_gives_the_same_decision() -> None:
    """Purity (I25)."""
    release = opened()
    event = next_event(release)

    assert decide(release, event, NOW) == decide(release, event, NOW)
