"""Which tests go to one worker, and in which order they begin (`make test` runs four workers on two cores).

Tests that share servers or TensorFlow stay together, so that these start once. What takes longest begins first, and the
schedules of the simulation, which only compute, fill what is left.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling

#: How long an example takes says how busy the machine is, and nothing about the code.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")

TOGETHER = (
    "tests/local/azureml/",
    "tests/e2e/test_demo_environment.py",
    "tests/e2e/test_fleet_kill.py",
    "tests/e2e/test_decision_matrix.py",
    "tests/e2e/test_demo_training.py",
    "tests/local/servicebus/",
    "tests/board/",
    "tests/environment/",
    "tests/e2e/test_kill.py tests/e2e/test_secrets.py",
    "tests/contract/azure_ml/",
    "tests/local/host/",
    "tests/local/supervisor/",
    "tests/contract/queues/",
    "tests/contract/tables/",
    "tests/adapters/azure_ml/",
    "tests/local/eventgrid/",
)
"""Beginnings of paths, by the time they take, the longest first. All other files follow, each a group of its own."""

APART = "tests/simulation/test_fleet_schedules.py", "tests/simulation/test_model_schedules.py"
"""Files whose tests need no common worker. They come last."""


def pytest_configure(config: pytest.Config) -> None:
    """No test speaks TLS, so no client needs to read the certificates of all authorities: 25 ms for each that is made.

    What the tests start inherits it.
    """
    for name in ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"):
        os.environ.pop(name, None)
    os.environ["SSL_CERT_DIR"] = os.devnull
    if os.environ.get("PYTEST_XDIST_WORKER") and config.args == config.getini("testpaths"):
        config.args = _from_a_part_of_its_own(os.environ["PYTEST_XDIST_WORKER"], config)


def _from_a_part_of_its_own(worker: str, config: pytest.Config) -> list[str]:
    """All folders of tests, each worker beginning with others: what is not compiled yet, as after a checkout, each of
    them compiles another part of, and reads the rest. The order in which the tests run is the same for all of them."""
    folders = sorted(str(file.parent) for file in Path(config.rootpath, "tests").glob("*/__init__.py"))
    first = len(folders) * int(worker.removeprefix("gw")) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    return [*folders[first:], *folders[:first], *map(str, Path(config.rootpath, "tests").glob("test_*.py"))]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is collected stays until the end, so nothing is gained by searching it for what may go, then or later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sorts the groups; the order within a file stays."""
    items.sort(key=lambda item: _turn(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """The groups themselves: pytest-xdist 3.8 hands its mark `xdist_group` on in a field that pytest 9.2 does not read
    any more, and would spread what belongs together over all workers."""
    return _Groups(config, log)


class _Groups(LoadScopeScheduling):
    """A worker gets whole groups, in the order of the tests."""

    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid)


def _group(nodeid: str) -> str:
    file = nodeid.partition("::")[0]
    if file in APART:
        return nodeid
    return next((places for places in TOGETHER if file.startswith(tuple(places.split()))), file)


def _turn(nodeid: str) -> tuple[int, str]:
    """The place of its group."""
    file = nodeid.partition("::")[0]
    known = (number for number, places in enumerate(TOGETHER) if file.startswith(tuple(places.split())))
    last = len(TOGETHER) + (file in APART)
    return next(known, last), file
