"""One identity part for all tests that leave it as it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.processes import Part, running


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Part]:
    data = tmp_path_factory.mktemp("identity")
    with running("local.identity", "--data", str(data / "keys"), log=data / "log") as part:
        yield part
