"""The fleet as people look at it: every circuit with what it runs, who holds it, and what waits for somebody."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from shared.application.fleet.running import CircuitState, FleetState
from shared.application.release.production import DeploymentRead
from shared.contracts.base import Contract
from shared.domain.release.model import GATE_OF_PHASE, Phase


class RunningView(Contract):
    """What a deployment runs. `model_by` and `environment_by` are the releases that brought them, empty where none."""

    model: str
    environment: str
    model_by: str
    environment_by: str
    provisioning: str = Field(description="Azure ML's word: Succeeded is well.")


class FleetCircuit(Contract):
    """One circuit. `runs` is null where nothing was found when its endpoint was read, at `read_at`; without that it was
    not read yet."""

    circuit: str = Field(description="P001/C001")
    plant_name: str
    circuit_name: str
    criticality: Literal["high", "normal", "low"]
    runs: RunningView | None
    read_at: datetime | None
    held_by: str = Field(description="The release that holds its lock; empty where none does.")
    releases: list[str] = Field(description="Open releases of models and rollbacks that are for it.")
    waits: Literal["", "person", "held"] = Field(description="Whether one of them waits for a person.")
    frozen: bool


class StrangerView(Contract):
    """A deployment on the fleet's endpoints that belongs to no circuit of the configuration."""

    name: str
    runs: RunningView


class FleetView(Contract):
    """All circuits, in the order of the configuration, as they are known at `at`: the sweep asks Azure ML, for ten
    endpoints a minute."""

    at: datetime
    circuits: list[FleetCircuit]
    fleet_releases: list[str] = Field(description="Open releases of environments: they are for all circuits.")
    strangers: list[StrangerView] = Field(default_factory=list)


def fleet_view_of(state: FleetState) -> FleetView:
    """The fleet as it is shown. A release that is for more than one circuit is named once, not in each."""
    shared = {each.release_id for one in state.circuits for each in one.releases if len(each.circuits) > 1}
    return FleetView(
        at=state.at,
        circuits=[_circuit(each, shared) for each in state.circuits],
        fleet_releases=sorted(shared),
        strangers=[StrangerView(name=each.circuit, runs=_running(each)) for each in state.strangers],
    )


def _circuit(state: CircuitState, shared: set[str]) -> FleetCircuit:
    place = state.place
    own = [each for each in state.releases if each.release_id not in shared]
    waits: Literal["", "person", "held"] = ""
    if any(each.phase is Phase.HELD for each in own):
        waits = "held"
    elif any(each.phase in GATE_OF_PHASE for each in own):
        waits = "person"
    return FleetCircuit(
        circuit=state.circuit.replace("-", "/", 1),
        plant_name=place.plant_name if place else "",
        circuit_name=place.circuit_name if place else "",
        criticality=place.criticality.value if place else "normal",
        runs=_running(state.running) if state.running else None,
        read_at=state.read_at,
        held_by=state.lock.kept_by if state.lock else "",
        releases=[each.release_id for each in own],
        waits=waits,
        frozen=state.freeze is not None,
    )


def _running(running: DeploymentRead) -> RunningView:
    return RunningView(
        model=running.model,
        environment=running.environment,
        model_by=running.model_by,
        environment_by=running.environment_by,
        provisioning=running.provisioning,
    )
