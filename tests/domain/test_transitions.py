"""The table, the rules and the picture agree."""

import subprocess
import sys
from pathlib import Path

import pytest

from shared.domain import events as e
from shared.domain.decide import RULES, decide
from shared.domain.errors import DomainError
from shared.domain.model import TERMINAL, Phase
from shared.domain.transitions import LIVE, TRANSITIONS
from tests.builders import NOW, a_release
from tests.domain import samples
from tests.domain.drive import next_event, opened

ROOT = Path(__file__).parents[2]
SAMPLES = {type(event): event for event in samples.ALL}


def test_every_legal_pair_has_a_rule_and_every_rule_is_legal() -> None:
    """Table and rules cannot drift apart."""
    assert set(RULES) == set(TRANSITIONS)


def test_nothing_leaves_a_terminal_phase() -> None:
    """Terminal phases are final (I6)."""
    assert not [pair for pair in TRANSITIONS if pair[0] in TERMINAL]


@pytest.mark.parametrize("phase", LIVE)
def test_every_live_phase_can_be_aborted_and_ends_waiting_at_its_deadline(phase: Phase) -> None:
    """No release can get stuck without a person being able to end it (L1)."""
    assert (phase, e.AbortRequested) in TRANSITIONS
    assert (phase, e.DeadlinePassed) in TRANSITIONS


def test_every_phase_can_be_reached_from_the_start() -> None:
    """No dead entries in the table."""
    reached, frontier = {Phase.VERIFYING}, {Phase.VERIFYING}
    while frontier:
        frontier = {after for (phase, _), afters in TRANSITIONS.items() if phase in frontier for after in afters}
        frontier -= reached
        reached |= frontier

    assert reached == set(Phase)


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("kind", e.EVENT_TYPES)
def test_decide_is_total(phase: Phase, kind: type[e.Event]) -> None:
    """Every phase and event: a transition, an ignored, or a domain error; never anything else."""
    release = a_release(phase)
    event = SAMPLES[kind]
    event = kind(**{**event.__dict__, "release_id": release.release_id})
    allowed = TRANSITIONS.get((phase, kind), frozenset()) | {phase}
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
