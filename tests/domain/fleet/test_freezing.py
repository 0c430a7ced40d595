"""Freezing what production runs: endpoint by endpoint, a few at a time."""

from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.model import Phase
from shared.domain.release.steps import LISTED_AT_ONCE
from tests.support.drive_fleet import commands, driven_to, listed

MANY = 100  # batch endpoints of a subscription, by Azure's limit


def test_freezing_looks_again_only_at_endpoints_that_did_not_answer() -> None:
    """What was listed is frozen."""
    drive = driven_to(Phase.FREEZING_TARGETS)
    endpoint, other = drive.fleet
    drive.tell(drive.step(e.TargetsListed, endpoint_name=endpoint, targets=drive.fleet[endpoint]))

    assert [command.endpoint_name for command in commands(drive.looked(), c.ListTargets)] == [other]


def test_no_commit_lists_more_than_a_few_endpoints_however_many_there_are() -> None:
    """A commit holds 90 rows; each answer has the next endpoint listed, and every one is asked about once."""
    drive = driven_to(Phase.FREEZING_TARGETS, *[1] * MANY)
    asked = [command.endpoint_name for command in commands(drive.said[-1], c.ListTargets)]
    assert len(asked) == LISTED_AT_ONCE
    answered = 0
    while drive.release.phase is Phase.FREEZING_TARGETS:
        asked += [
            command.endpoint_name for command in commands(drive.tell(listed(drive, asked[answered])), c.ListTargets)
        ]
        answered += 1

    assert (sorted(asked), answered) == (sorted(drive.fleet), MANY)
    assert len({command.command_id for said in drive.said for command in commands(said, c.ListTargets)}) == MANY
    assert len(drive.release.fleet) == MANY


def test_a_look_asks_again_for_the_endpoints_under_way_only() -> None:
    """Not for those whose turn has not come."""
    drive = driven_to(Phase.FREEZING_TARGETS, *[1] * MANY)
    drive.tell(listed(drive, drive.release.endpoints_to_list[3]))

    assert [each.endpoint_name for each in commands(drive.looked(), c.ListTargets)] == list(
        drive.release.endpoints_to_list[:LISTED_AT_ONCE]
    )
