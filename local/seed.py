"""`python -m local.seed P001/C001`: train and register a model on the running local cloud, which opens a release."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from local.seeding.model_factory import ModelFactory
from local.seeding.uploads import quiet_uploads
from local.supervisor.cloud import CloudError, LocalCloud

console = Console(highlight=False)


def seed(
    circuits: Annotated[list[str] | None, typer.Argument(help="Circuits, for example P001/C001 P002/C003.")] = None,
    data: Annotated[Path, typer.Option(help="Data directory of the running local cloud.")] = Path(".local"),
    pull_request: Annotated[str, typer.Option(help="The pull request the models come from.")] = "PR-1001",
    model_of: Annotated[str, typer.Option(help="Register another circuit's model: its test inference fails.")] = "",
) -> None:
    """Train and register a model of each circuit, P001/C001 unless others are named."""
    try:
        factory = ModelFactory(LocalCloud.running(data))
        for circuit in [factory.circuit(text) for text in circuits or ["P001/C001"]]:
            console.print(f"Training the model of {model_of or circuit} …")
            factory.write_data()
            folder = factory.train(factory.circuit(model_of) if model_of else circuit)
            with quiet_uploads():
                environment = factory.register_environment()
                version = factory.register_model(circuit, folder, pull_request)
            console.print(f"Registered {circuit.model_name}:{version} in dev, with {environment}.")
    except CloudError as problem:
        console.print(f"Error: {problem}", style="red", markup=False)
        sys.exit(1)
    console.print("Its release opens in a moment:  switchyard releases")


if __name__ == "__main__":
    typer.run(seed)
