"""The table, the rules and the picture agree."""

import subprocess
import sys
from pathlib import Path

import pytest

from shared.domain.errors import DomainError
from shared.domain.release import events as e
from shared.domain.release.decide import MACHINES, decide
from shared.domain.release.model import TERMINAL, Kind, Phase
from tests.support import events as samples
from tests.support.builders import NOW, a_fleet_release, a_release, a_rollback
from tests.support.drive_model import next_event, opened

ROOT = Path(__file__).parents[3]
SAMPLES = {type(event): event for event in samples.ALL}


ALL_PAIRS = [(kind, *pair) for kind in Kind for pair in MACHINES[kind][0]]
PHASES = [(kind, phase) for kind in Kind for phase in sorted({p for k, p, _ in ALL_PAIRS if k is kind})]


@pytest.mark.parametrize("kind", Kind)
def test_every_legal_pair_has_a_rule_and_every_rule_is_legal(kind: Kind) -> None:
    """Table and rules cannot drift apart."""
    transitions, rules = MACHINES[kind]
    assert set(rules) == set(transitions)


def test_nothing_leaves_a_terminal_phase() -> None:
    """Terminal phases are final (I6)."""
    assert not [pair for pair in ALL_PAIRS if pair[1] in TERMINAL]


@pytest.mark.parametrize(("kind", "phase"), PHASES)
def test_every_live_phase_can_be_aborted_and_ends_waiting_at_its_deadline(kind: Kind, phase: Phase) -> None:
    """No release can get stuck without a person being able to end it (L1)."""
    assert (kind, phase, e.AbortRequested) in ALL_PAIRS
    assert (kind, phase, e.DeadlinePassed) in ALL_PAIRS


@pytest.mark.parametrize("kind", Kind)
def test_every_phase_can_be_reached_from_the_start(kind: Kind) -> None:
    """No dead entries in the table, and no phase that no kind of release has."""
    first = Phase.FREEZING_TARGETS if kind is Kind.ROLLBACK else Phase.VERIFYING
    reached, frontier = {first}, {first}
    while frontier:
        table = MACHINES[kind][0]
        frontier = {after for (phase, _), afters in table.items() if phase in frontier for after in afters}
        frontier -= reached
        reached |= frontier

    assert {phase for of, phase in PHASES if of is kind} <= reached
    assert {phase for _, phase in PHASES} | TERMINAL == set(Phase)


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("event_type", e.EVENT_TYPES)
@pytest.mark.parametrize("kind", Kind)
def test_decide_is_total(kind: Kind, phase: Phase, event_type: type[e.Event]) -> None:
    """Every phase and event: a transition, an ignored, or a domain error; never anything else."""
    build = {Kind.MODEL: a_release, Kind.ENVIRONMENT: a_fleet_release, Kind.ROLLBACK: a_rollback}[kind]
    release = build(phase)
    event = SAMPLES[event_type]
    event = event_type(**{**event.__dict__, "release_id": release.release_id})
    allowed = MACHINES[kind][0].get((phase, event_type), frozenset()) | {phase}
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
