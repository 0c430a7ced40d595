"""One bench per test."""

import pytest

from tests.application.alert_steps import Requests
from tests.application.bench import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def requests(bench: Bench) -> Requests:
    """Stands for `request_rollback`."""
    return Requests(bench)
