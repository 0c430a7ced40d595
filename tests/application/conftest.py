"""One bench per test."""

import pytest

from tests.application.alert_steps import Requests
from tests.application.bench import Bench
from tests.application.test_environment_release import fleet as fleet


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def requests(bench: Bench) -> Requests:
    """Stands for `request_rollback`."""
    return Requests(bench)


@pytest.fixture
def strict(fleet: Bench) -> Bench:  # the fixture that is imported above
    """Six circuits in production, and a policy that asks for evidence."""
    fleet.evidence_required = True
    return fleet
