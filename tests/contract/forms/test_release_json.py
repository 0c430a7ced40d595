"""Releases survive storage; a form this version does not know is refused instead of being read halfway."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from shared.contracts.stored.releases import (
    StoredFormError,
    dump_entry,
    dump_release,
    dump_target,
    load_entry,
    load_release,
    load_target,
)
from shared.domain.release.history import HistoryEntry, broken_at
from shared.domain.release.model import Phase, Release, Target
from tests.support.builders import a_release, an_entry
from tests.support.strategies import anything_of

quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(anything_of(Release))
def test_any_release_comes_back_as_it_was(release: Release) -> None:
    """Whatever it holds."""
    assert load_release(dump_release(release)) == release


@quick
@given(anything_of(Target))
def test_any_target_comes_back_as_it_was(target: Target) -> None:
    """Whatever it holds."""
    assert load_target(dump_target(target)) == target


@quick
@given(anything_of(HistoryEntry))
def test_any_history_entry_comes_back_as_it_was(entry: HistoryEntry) -> None:
    """Whatever it holds."""
    assert load_entry(dump_entry(entry)) == entry


@pytest.mark.parametrize("phase", list(Phase))
def test_a_release_in_every_phase_is_kept(phase: Phase) -> None:
    """The sample releases hold what the phases bring."""
    assert load_release(dump_release(a_release(phase))) == a_release(phase)


def test_the_history_chain_verifies_after_storage() -> None:
    """A digest covers the entry's time as text, which must not change its form on the way."""
    entry = an_entry()
    assert broken_at([load_entry(dump_entry(entry))]) is None


def altered(**changes: Any) -> str:
    """A stored release with parts of its outer object replaced."""
    return json.dumps({**json.loads(dump_release(a_release())), **changes})


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{", "not JSON"),
        ("[]", "no schema_v"),
        (altered(schema_v=2), "schema_v 2; this code reads 1"),
        (altered(schema_v=None), "schema_v None"),
        (altered(surplus=1), "surplus"),
        (altered(release={}), "release_id"),
        (dump_entry(an_entry()), "entry"),
    ],
)
def test_an_unknown_form_is_refused_by_name(text: str, named: str) -> None:
    """Unknown version: do nothing, say so."""
    with pytest.raises(StoredFormError, match=named):
        load_release(text)


def test_a_field_of_a_newer_version_is_not_dropped_silently() -> None:
    """Reading it and writing it back would lose what newer code knew."""
    outer = json.loads(dump_release(a_release()))
    outer["release"]["from_the_future"] = 1
    with pytest.raises(StoredFormError, match="from_the_future"):
        load_release(json.dumps(outer))
