"""`python -m local.seed P001/C001`: train and register a model on the running local cloud, which opens a release."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from local.seeding.model_factory import ModelFactory
from local.seeding.uploads import quiet_uploads
from local.supervisor.cloud import CloudError, LocalCloud
from local.supervisor.typed import command

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
        chosen = [factory.circuit(text) for text in circuits or ["P001/C001"]]
        console.print("Writing sensor data …")
        factory.write_data()
        with ThreadPoolExecutor(1) as pool:  # nobody trains on the recent days
            recent = pool.submit(factory.write_recent_data, datetime.now(UTC).date())
            for circuit in chosen:
                console.print(f"Training the model of {model_of or circuit} …")
                folder = factory.train(factory.circuit(model_of) if model_of else circuit)
                with quiet_uploads():
                    environment = factory.register_environment()
                    version = factory.register_model(circuit, folder, pull_request)
                console.print(f"Registered {circuit.model_name}:{version} in dev, with {environment}.")
            written = recent.result()
        console.print(f"The sensor table has {written['first_day']} to {written['last_day']}, which was yesterday.")
    except CloudError as problem:
        console.print(f"Error: {problem}", style="red", markup=False)
        sys.exit(1)
    console.print(f"Its release opens in a moment:  {command()} releases", markup=False)


if __name__ == "__main__":
    typer.run(seed)
