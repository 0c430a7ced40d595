"""One bench per test."""

import pytest

from tests.application.bench import Bench


@pytest.fixture
def bench() -> Bench:
    return Bench()
