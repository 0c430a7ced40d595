"""When the next change of a fleet is looked at: the changes before it tell."""

import pytest

from shared.domain.fleet.change_times import ChangeTimes
from shared.domain.release.events import Outcome
from shared.domain.release.model import Phase
from tests.support.drive_fleet import Drive, driven_to, work

FIRST, SECOND, THIRD = "P001-C001", "P001-C002", "P001-C003"


def changed_in(drive: Drive, key: str, seconds: float) -> None:
    """Azure ML takes the change of the deployment, and has done it after so long."""
    drive.answered(key, Outcome.PENDING)
    drive.wait(seconds)
    drive.answered(key)


def first_pause_s(drive: Drive, key: str) -> float:
    """How long after its change was taken a deployment is looked at."""
    [look] = work(drive.answered(key, Outcome.PENDING))
    assert look.not_before is not None
    return (look.not_before - drive.now).total_seconds()


@pytest.mark.parametrize("phase", [Phase.UPDATING, Phase.ROLLING_BACK])
def test_a_change_is_looked_at_when_the_quickest_before_it_had_nearly_ended(phase: Phase) -> None:
    drive = driven_to(phase, 3)
    changed_in(drive, FIRST, 20)
    changed_in(drive, SECOND, 10)
    assert first_pause_s(drive, THIRD) == pytest.approx(9)


def test_no_change_waits_longer_than_a_look_interval_for_its_first_look() -> None:
    drive = driven_to(Phase.UPDATING, 2, look_interval_s=30)
    changed_in(drive, FIRST, 600)
    assert first_pause_s(drive, SECOND) == 30


def test_a_change_that_was_over_at_once_took_no_time() -> None:
    drive = driven_to(Phase.UPDATING, 2)
    drive.answered(FIRST, at_once=True)
    assert drive.release.change_times == ChangeTimes(count=1)
    assert first_pause_s(drive, SECOND) == 0


def test_a_target_that_ran_what_it_should_says_nothing_about_time() -> None:
    drive = driven_to(Phase.UPDATING, 2)
    drive.answered(FIRST)
    assert drive.release.change_times is None


def test_a_second_try_is_timed_from_when_it_was_taken() -> None:
    drive = driven_to(Phase.UPDATING, 2)
    drive.answered(FIRST, Outcome.PENDING)
    drive.wait(500)
    drive.answered(FIRST, Outcome.ERRORED)
    drive.wait(60)
    changed_in(drive, FIRST, 12)
    assert drive.release.change_times == ChangeTimes(count=1, total_s=12, quickest_s=12)


def test_what_is_looked_at_late_only_is_looked_at_the_more_often() -> None:
    """The reads of all endpoints together are what is limited, and few of them are looked at at any moment."""
    alike, different = ChangeTimes(), ChangeTimes()
    for took_s in (9.9, 10, 10.1):
        alike = alike.with_one(took_s)
    for took_s in (2, 10, 18):
        different = different.with_one(took_s)
    assert alike.looked_at == pytest.approx(1 - 0.9 * 9.9 / 10)
    assert different.looked_at == pytest.approx(1 - 0.9 * 2 / 10)


def test_before_anything_is_known_a_change_is_looked_at_all_the_time() -> None:
    assert (ChangeTimes().looked_at, ChangeTimes(count=1).looked_at) == (1, 1)
