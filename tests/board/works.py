"""A local cloud with a small fleet in production, for whoever opens a browser on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.views import Release
from local import redirect
from local.demos.desk import Desk
from local.seeding.model_factory import Circuit, ModelFactory
from local.supervisor.cloud import LocalCloud
from local.supervisor.parts import REPOSITORY
from tests.e2e.conftest import quick_cloud
from tests.e2e.plain_fleet import seed_plain_fleet

CIRCUITS = [Circuit(f"P{plant:03}", f"C{circuit:03}") for plant in (1, 2) for circuit in (1, 2, 3)]


@dataclass(frozen=True)
class Works:
    """A small fleet in production, on a running cloud, and what happens to it besides the browser."""

    cloud: LocalCloud
    factory: ModelFactory
    desk: Desk

    @property
    def url(self) -> str:
        return self.cloud.urls["host"]

    def at_registry_gate(self, circuit: Circuit) -> Release:
        """The release of a new version of the circuit's model, which waits at its first gate."""
        version = self.factory.register_model(circuit, self.cloud.data / "models" / f"{circuit}", "PR-1300")
        return self.desk.follow(self.desk.opened(f"{circuit.model_name}:{version}").release_id)


@contextmanager
def running(directory: Path) -> Iterator[Works]:
    """Seeded, started, and ended. Raises RuntimeError where there is no board to serve."""
    if not (REPOSITORY / "board" / "dist" / "index.html").is_file():
        raise RuntimeError("the board is not built: run `make board`")
    seed_plain_fleet(directory / "data", CIRCUITS)
    with quick_cloud(directory) as cloud:
        yield Works(cloud, ModelFactory(cloud), Desk(cloud))
    redirect.uninstall()
