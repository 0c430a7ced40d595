"""The load that benchmarks put on the app is made of releases that go the whole way."""

import pytest

from benchmarks.event_load import in_turns, road
from shared.adapters.config.files import load_fleet, load_policies
from shared.adapters.config.releases import FileReleaseConfig
from shared.domain.release.events import ModelRegistered
from shared.domain.release.policy import Policy
from tests.support.builders import NOW


@pytest.fixture(scope="module")
def policy() -> Policy:
    """The one that is shipped."""
    return FileReleaseConfig(load_policies("config/policies.yml"), load_fleet("config")).policy()


def test_a_release_of_the_load_is_released_under_the_shipped_policy(policy: Policy) -> None:
    """Its approvals say what that policy asks for; an event that the rules refuse would raise."""
    events = road(1, policy, NOW)

    assert isinstance(events[0], ModelRegistered)
    assert len({event.event_id for event in events}) == len(events) > 5


def test_releases_take_turns_and_the_next_begins_where_one_ends(policy: Policy) -> None:
    """So that as many are open at once as were asked for."""
    events = list(in_turns(3, 60, policy, NOW))

    assert len({event.release_id for event in events[:3]}) == 3
    assert sum(isinstance(event, ModelRegistered) for event in events) > 3
