"""How long work on a fleet may take follows from its size, at what the policy gives to one target."""

from datetime import timedelta

import pytest

from shared.domain.fleet.lanes import work_s
from shared.domain.release.model import Phase, Progress
from tests.support.drive_fleet import Drive, driven_to


def deadline_s(drive: Drive) -> float:
    """Of the current phase."""
    assert drive.release.deadline_at is not None
    return (drive.release.deadline_at - drive.release.phase_since).total_seconds()


@pytest.mark.parametrize(("endpoints", "seconds"), [(1, 7200), (8, 7200), (40, 20_000)])
def test_checks_have_the_time_of_all_rounds_and_never_less_than_the_policy_says(endpoints: int, seconds: int) -> None:
    """Five circuits on each endpoint, eight checks at once."""
    drive = driven_to(Phase.CHECKING, *[5] * endpoints, check_s=800)
    assert deadline_s(drive) == seconds


def test_updates_have_the_time_of_the_longest_endpoint_behind_everything_else() -> None:
    """Whatever turns the lanes take: nine circuits on one endpoint, six on others, two endpoints at once."""
    drive = driven_to(Phase.UPDATING, 9, 3, 3, update_s=1000, updates_parallel_max=2)
    assert deadline_s(drive) == (9 + 8) * 1000


def test_going_back_has_as_long_as_going_forward() -> None:
    """After the pause in which nothing is in flight any more."""
    drive = driven_to(Phase.ROLLING_BACK, 9, 3, 3, update_s=1000, updates_parallel_max=2)
    assert deadline_s(drive) == drive.release.policy.limits.settle_quiet_s + (9 + 8) * 1000


def test_people_are_told_when_a_fleet_takes_longer_than_the_policy_says() -> None:
    """With what it comes from, when its targets are frozen; not where the policy's own time is enough."""
    drive = driven_to(Phase.CHECKING, *[5] * 40, check_s=800, update_s=1000)
    told = "checks may take 6 hours, 8 at once and 800 s each, updates may take 4 hours, 20 at once and 1000 s each"
    assert told in drive.notes()
    assert "may take" not in driven_to(Phase.CHECKING, 2, 1, check_s=800, update_s=1000).notes()


def test_a_policy_from_before_gives_all_targets_together_its_deadline() -> None:
    """A release keeps the limits with which it started."""
    drive = driven_to(Phase.CHECKING, *[5] * 40)
    assert (work_s(drive.release, Phase.CHECKING), work_s(drive.release, Phase.UPDATING)) == (0, 0)
    assert deadline_s(drive) == drive.release.policy.limits.test_deadline_s


def test_the_time_is_that_of_lanes_that_never_wait() -> None:
    """Played through: each change takes all of its time, and the last one ends before the deadline."""
    drive = driven_to(Phase.UPDATING, 7, 1, 4, 2, update_s=600, updates_parallel_max=2, deploy_deadline_s=60)
    begun, deadline = drive.now, drive.release.deadline_at
    while drive.release.phase is Phase.UPDATING:
        drive.wait(600)
        for key in drive.keys(Progress.CHANGING):
            drive.answered(key)
    assert deadline is not None
    assert drive.now <= deadline
    assert drive.now - begun >= timedelta(seconds=7 * 600)
