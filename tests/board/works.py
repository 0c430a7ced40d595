"""A local cloud with a small fleet in production, for whoever opens a browser on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from cli.api import ReleaseApi
from cli.views import Release
from local import redirect
from local.demos.desk import Desk
from local.fire_alert import body_of
from local.seeding.credentials import token_of
from local.seeding.model_factory import Circuit, ModelFactory
from local.supervisor.cloud import LocalCloud
from local.supervisor.parts import REPOSITORY
from tests.e2e.conftest import quick_cloud
from tests.e2e.plain_fleet import seed_plain_fleet

CIRCUITS = [Circuit(f"P{plant:03}", f"C{number:03}") for plant in (1, 2) for number in (1, 2, 3)]
"""They run in production; the tests of a file have some of their own."""

NEW = [Circuit("P003", f"C{number:03}") for number in range(1, 13)]
"""A plant in which nothing runs yet: all its first models are decided on together."""


@dataclass(frozen=True)
class Works:
    """A small fleet in production, on a running cloud, and what happens to it besides the browser."""

    cloud: LocalCloud
    factory: ModelFactory
    desk: Desk

    @property
    def url(self) -> str:
        return self.cloud.urls["host"]

    def as_person(self, person: str) -> ReleaseApi:
        """The API, called by a demo person: `engineer-1`."""
        return ReleaseApi(self.url, token_of(self.cloud.urls["identity"], person))

    def fire(self, rule: str, *circuits: Circuit) -> None:
        """An alert of Azure Monitor for these circuits, which the app is told of."""
        body = {**body_of(rule, self.cloud.layout.policies_file), "circuits": [f"{each}" for each in circuits]}
        url = f"{self.cloud.urls['azureml']}/control/alerts"
        httpx.post(url, json={**body, "together": True, "way": "webhook"}, trust_env=False).raise_for_status()

    def at_registry_gate(self, circuit: Circuit) -> Release:
        """The release of a new version of the circuit's model, which waits at its first gate."""
        version = self.factory.register_model(circuit, self.cloud.data / "models" / f"{circuit}", "PR-1300")
        return self.desk.follow(self.desk.opened(f"{circuit.model_name}:{version}").release_id)


@contextmanager
def running(directory: Path, circuits: Sequence[Circuit] = CIRCUITS, new: Sequence[Circuit] = NEW) -> Iterator[Works]:
    """Seeded, started, and ended. Raises RuntimeError where there is no board to serve."""
    if not (REPOSITORY / "board" / "dist" / "index.html").is_file():
        raise RuntimeError("the board is not built: run `make board`")
    seed_plain_fleet(directory / "data", circuits, new)
    with quick_cloud(directory) as cloud:
        yield Works(cloud, ModelFactory(cloud), Desk(cloud))
    redirect.uninstall()
