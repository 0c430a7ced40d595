"""Another record with some fields changed: as `dataclasses.replace` makes it, and as strict."""

import dataclasses

import pytest

from shared.domain.fleet.roster import Roster
from shared.domain.records import replace
from shared.domain.release.model import Phase
from tests.support.builders import a_fleet_release, a_fleet_target


def test_it_is_what_the_standard_library_makes() -> None:
    release = a_fleet_release(Phase.UPDATING)
    assert replace(release, reason="on purpose", look=3) == dataclasses.replace(release, reason="on purpose", look=3)
    assert replace(release) == release


def test_the_record_before_stays_as_it_was() -> None:
    release = a_fleet_release(Phase.UPDATING)
    assert replace(release, look=release.look + 1).look == release.look + 1
    assert release == a_fleet_release(Phase.UPDATING)


def test_a_field_that_there_is_not_is_refused() -> None:
    with pytest.raises(TypeError, match="Release has no lock"):
        replace(a_fleet_release(Phase.UPDATING), lock="taken")  # type: ignore[call-arg]  # the point of the test


def test_what_a_record_does_after_it_was_made_is_done() -> None:
    """A release keeps a roster, whatever list of targets it is given."""
    changed = replace(a_fleet_release(Phase.UPDATING), fleet=(a_fleet_target(1), a_fleet_target(2)))
    assert isinstance(changed.fleet, Roster)
    assert changed.roster.find(a_fleet_target(2).key) == a_fleet_target(2)
