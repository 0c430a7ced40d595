"""One mailbox part for all tests; each uses recipients of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.support.processes import Part, running


@dataclass(frozen=True)
class Mailbox:
    """The part, and what tests ask of it."""

    part: Part

    def messages(self, **query: str) -> list[dict[str, Any]]:
        """What came, the latest first."""
        found: list[dict[str, Any]] = (
            httpx.get(f"{self.part.url}/messages", params=query).raise_for_status().json()["messages"]
        )
        return found

    def page(self) -> httpx.Response:
        """What people look at."""
        return httpx.get(self.part.url)

    def fault(self, channel: str, recipient: str, **fault: Any) -> None:
        """What the next request to this recipient meets."""
        body = {"channel": channel, "recipient": recipient, **fault}
        httpx.post(f"{self.part.url}/control/faults", json=body).raise_for_status()


@pytest.fixture(scope="session")
def mailbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mailbox]:
    data = tmp_path_factory.mktemp("mailbox")
    with running("local.mailbox", "--data", str(data / "data"), log=data / "log") as part:
        yield Mailbox(part)
