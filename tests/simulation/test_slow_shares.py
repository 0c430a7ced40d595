"""Worlds without faults in which sharing to the registry takes longer than looks are apart."""

from shared.domain.release.model import Phase
from tests.fakes.platform import REGISTRY
from tests.simulation.circuits import ENVIRONMENT
from tests.simulation.scene import OLD
from tests.simulation.scheduler import HEALED
from tests.simulation.world import World

SHARE_S = 95.0
SEEDS = 24


def promoting(seed: int) -> list[str]:
    """What the histories of this world say about sharing."""
    world = World(seed)
    world.scheduler.rates = HEALED
    world.platform.share_s = SHARE_S
    del world.platform.registry[f"{REGISTRY}/environments/{ENVIRONMENT}/versions/{OLD}"]
    world.run()
    histories = [partition.history for partition in world.store.partitions.values()]
    return [entry.note for history in histories for entry in history if entry.phase_before is Phase.PROMOTING]


def test_a_share_that_takes_longer_than_looks_costs_nobody_an_attempt() -> None:
    """Neither the release that shares, nor one that needs the same environment at the same time."""
    notes = [note for seed in range(SEEDS) for note in promoting(seed)]

    assert len([note for note in notes if note.startswith("not yet: ")]) > SEEDS / 2
    assert [note for note in notes if "errored" in note or "did not succeed" in note] == []
