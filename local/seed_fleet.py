"""`python -m local.seed_fleet --circuits 12`: bring a fleet to production in a local cloud that does not run.

Afterwards `make up` starts the app on it. More circuits than the sample fleet has, or another number than before, get a
configuration of their own in the data directory, which the app then reads.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from local.seeding.fleet_config import fleet_of, write_config
from local.seeding.fleet_factory import FleetFactory, Report, before_the_app
from local.seeding.model_factory import Circuit
from local.seeding.uploads import quiet_uploads
from local.supervisor.cloud import CloudError

console = Console(highlight=False)

WORK = ("trained", "registered", "deployed")


def seed_fleet(data: Path, circuits: list[Circuit], report: Report) -> None:
    """Write the fleet's configuration into the data directory and bring every circuit to production.

    Raises `CloudError`, before any work, when the app has run in the directory, when it holds the configuration of
    another fleet, or when a local cloud runs there.
    """
    if (data / "host").exists():
        raise CloudError(
            f"The app has run in {data}: its releases would not fit another fleet. Choose another directory with "
            f"--data, or remove {data}, and with it everything that was done there."
        )
    cloud = before_the_app(data)
    own = data / "config" / "plants_circuits.yml"
    if not own.is_file():
        write_config(data / "config", circuits)
    held = sorted(f"{file.parent.name}/{file.stem}" for file in own.parent.glob("plants/*/*.yml"))
    if held != sorted(map(str, circuits)):
        raise CloudError(f"{data} holds a fleet of {len(held)} circuits already: choose another directory with --data.")
    with cloud:
        FleetFactory(cloud, circuits, report).seed()


@contextmanager
def bars(total: int, shown: Console = console) -> Iterator[Report]:
    """A bar for each kind of work."""
    columns = (TextColumn("         {task.description:<11}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=shown, transient=True) as progress, quiet_uploads():
        tasks = {what: progress.add_task(what, total=total) for what in WORK}
        yield lambda what, count: progress.update(tasks[what], completed=count)


def main(
    circuits: Annotated[int, typer.Option(help="How many circuits; ten per plant.", min=1, max=1000)] = 12,
    data: Annotated[Path, typer.Option(help="Data directory of a local cloud that does not run.")] = Path(".local"),
) -> None:
    """Train, register, share and deploy a model of every circuit."""
    started = time.monotonic()
    try:
        with bars(circuits) as report:
            seed_fleet(data, fleet_of(circuits), report)
    except CloudError as problem:
        console.print(f"Error: {problem}", style="red", markup=False)
        sys.exit(1)
    console.print(f"{circuits} circuits run in production, after {time.monotonic() - started:.0f} s. Now:  make up")


if __name__ == "__main__":
    typer.run(main)
