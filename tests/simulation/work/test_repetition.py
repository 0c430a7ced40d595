"""What makes a failing seed worth printing."""

import pytest

from tests.simulation.schedules import KINDS


@pytest.mark.parametrize("kind", ["routines", "changes", "trainings", "notifications"])
def test_the_same_seed_is_the_same_schedule_and_another_one_is_another(kind: str) -> None:
    schedules = []
    for seed in (3, 3, 4):
        world = KINDS[kind](seed)
        steps = world.run()
        schedules.append((steps, world.clock.now(), list(world.ends()), world.rng.random()))
    assert schedules[0] == schedules[1] != schedules[2]
