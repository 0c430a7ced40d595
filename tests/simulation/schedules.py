"""Seeded schedules of the real application code; a failing seed is printed and repeats exactly."""

import os
from collections.abc import Iterable, Mapping

import pytest

from tests.simulation.host import Host
from tests.simulation.online_world import OnlineWorld
from tests.simulation.violation import Violation
from tests.simulation.work.changes import ChangeWorld
from tests.simulation.work.notifications import NotificationWorld
from tests.simulation.work.routines import RoutineWorld
from tests.simulation.work.trainings import TrainingWorld
from tests.simulation.world import World

KINDS: Mapping[str, type[Host]] = {
    "releases": World,
    "routines": RoutineWorld,
    "changes": ChangeWorld,
    "trainings": TrainingWorld,
    "online": OnlineWorld,
    "notifications": NotificationWorld,
}

SCHEDULES = int(os.environ.get("SIM_SCHEDULES", "2000"))
"""Of releases; of each kind of looked-after work a tenth of them."""

CHUNKS = 10
PER_CHUNK = SCHEDULES // CHUNKS
WORK_SHARE, WORK_CHUNKS = 10, 4


def run_seeds(kind: str, seeds: Iterable[int]) -> None:
    """One schedule after the other; the first that goes wrong fails the test."""
    for seed in seeds:
        try:
            KINDS[kind](seed).run()
        except Violation as violation:
            pytest.fail(f"seed {seed}: {violation}; it repeats with python -m tests.simulation 1 {seed} {kind}")


def of_chunk(chunk: int, parity: int) -> range:
    """Every second seed of a chunk: 0 for worlds of models only, 1 for those with environments."""
    return range(chunk * PER_CHUNK + parity, (chunk + 1) * PER_CHUNK, 2)


def of_work(chunk: int) -> range:
    """The seeds of a chunk of looked-after work."""
    per_chunk = SCHEDULES // WORK_SHARE // WORK_CHUNKS
    return range(chunk * per_chunk, (chunk + 1) * per_chunk)
