"""One bench per test."""

import pytest

from tests.support.benches.alerts import Requests
from tests.support.benches.release import Bench
from tests.support.benches.road import fleet_in_production


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def fleet(bench: Bench) -> Bench:
    """Six circuits in production."""
    return fleet_in_production(bench)


@pytest.fixture
def requests(bench: Bench) -> Requests:
    """Stands for `request_rollback`."""
    return Requests(bench)


@pytest.fixture
def strict(fleet: Bench) -> Bench:
    """Six circuits in production, and a policy that asks for evidence."""
    fleet.configurations.current.evidence_required = True
    return fleet
