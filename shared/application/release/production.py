"""What production runs, as it was read last, and the port that keeps it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.application.listed import Listed


@dataclass(frozen=True, kw_only=True)
class DeploymentRead:
    """What one deployment runs. Names are as people say them (`custom-tf-env:1.5.0`); the releases that brought model
    and environment are empty where none did. `provisioning` is Azure ML's word for its state."""

    circuit: str
    model: str
    environment: str
    model_by: str
    environment_by: str
    provisioning: str


@dataclass(frozen=True, kw_only=True)
class EndpointRead:
    """The deployments of one endpoint as they were at `at`."""

    endpoint_name: str
    at: datetime
    running: tuple[DeploymentRead, ...]


class EndpointLog(Protocol):
    """What was read of each endpoint, the latest only."""

    async def put(self, read: EndpointRead) -> None:
        """Keeps it in the place of what is there, unless that is later."""

    async def all(self) -> Listed[EndpointRead]:
        """One for each endpoint that was ever read."""
