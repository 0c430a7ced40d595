"""The audit trail cannot be changed without being noticed."""

from dataclasses import replace
from itertools import pairwise

from shared.domain.release.decide import decide
from shared.domain.release.history import HistoryEntry, broken_at
from tests.support.builders import NOW
from tests.support.drive_model import next_event, opened


def trail() -> list[HistoryEntry]:
    """The history of a straight release after its opening."""
    release, entries = opened(), []
    previous = release.history_hash
    while not release.phase.is_terminal:
        decision = decide(release, next_event(release), NOW)
        assert decision.entry is not None
        entries.append(decision.entry)
        release = decision.release
    assert previous
    return entries


def test_every_transition_has_exactly_one_entry_that_names_before_and_after() -> None:
    """I21."""
    entries = trail()

    assert [entry.number for entry in entries] == list(range(2, len(entries) + 2))
    assert all(a.phase_after == b.phase_before for a, b in pairwise(entries))


def test_a_persons_entry_names_the_person() -> None:
    """Who, what, when."""
    approvals = [entry for entry in trail() if entry.event == "ApprovalSubmitted"]

    assert [entry.actor for entry in approvals] == ["Person 2", "Person 2"]


def test_a_changed_entry_breaks_the_chain_where_it_was_changed() -> None:
    """The digest covers the entry and everything before it."""
    release = opened()
    entries = [decide(release, next_event(release), NOW).entry]
    whole = _whole_history()

    assert entries
    assert broken_at(whole) is None
    for index in range(len(whole)):
        forged = [*whole]
        forged[index] = replace(whole[index], note="something else")
        assert broken_at(forged) == whole[index].number


def test_a_removed_entry_breaks_the_chain() -> None:
    """Nothing can be left out in the middle."""
    whole = _whole_history()

    assert broken_at([*whole[:2], *whole[3:]]) == whole[3].number


def _whole_history() -> list[HistoryEntry]:
    from shared.domain.release.decide import open_release
    from shared.domain.release.events import ModelRegistered
    from tests.support.builders import a_policy
    from tests.support.drive_model import RID

    registered = ModelRegistered(
        event_id="eg-1",
        release_id=RID,
        occurred_at=NOW,
        workspace="dev-ml-workspace",
        model_name="sensor-model-P001-C001",
        model_version="7",
    )
    decision = open_release(registered, a_policy(), NOW)
    entries = [decision.entry]
    while not decision.release.phase.is_terminal:
        decision = decide(decision.release, next_event(decision.release), NOW)
        entries.append(decision.entry)
    return [entry for entry in entries if entry is not None]
