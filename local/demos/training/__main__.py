"""`python -m local.demos.training`: a local cloud of its own, a git repository, and two merges that train models."""

from __future__ import annotations

import secrets
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.api import ApiError
from local.demos import screen
from local.demos.data_directory import emptied
from local.demos.ending import tell_the_end
from local.demos.training.repository import FleetRepository, GitHub
from local.demos.training.story import Story
from local.seeding.model_factory import ModelFactory
from local.seeding.uploads import quiet_uploads
from local.supervisor.cloud import CloudError, LocalCloud

NEXT = """\
Try it yourself, on this very fleet, in another terminal, after the export line that it prints:
  .venv/bin/switchyard train --plant P003 --circuit C001 --cutoff-date 2025-12-05 --watch
  .venv/bin/switchyard lineage --plant P001 --circuit C001 --version 1
Read on: docs/training.md\
"""


def demo(
    data: Annotated[Path, typer.Option(help="Data directory; emptied first.")] = Path(".local/demo-training"),
    new_only: Annotated[bool, typer.Option("--new-only", help="Only the new circuit, which is the last part.")] = False,
) -> None:
    """Merge changed cutoff dates; models train, are registered and wait for approval. A new circuit's is released."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # the parts end with the demo
    try:
        screen.chapter("Switchyard demo: training")
        screen.say("starting the local cloud: storage, identity, Service Bus, Event Grid, Azure ML, the Functions host")
        emptied(data)
        repository, secret = FleetRepository(data.resolve() / "repository"), secrets.token_urlsafe(24)
        settings = {"CHANGES_REPOSITORY": str(repository.root), "CHANGES_GITHUB_SECRET": secret}
        with LocalCloud(data, extra_settings=settings) as cloud:
            _tell(cloud, repository, secret, new_only=new_only)
    except (CloudError, ApiError) as problem:
        screen.console.print(f"Error: {problem}", style="bold red", markup=False)
        sys.exit(1)
    tell_the_end(data, NEXT)


def _tell(cloud: LocalCloud, repository: FleetRepository, secret: str, *, new_only: bool) -> None:
    screen.say(f"everything serves; the app answers at {cloud.urls['api']}")
    factory = ModelFactory(cloud)
    with screen.busy("writing sensor data …"):
        written = factory.write_data()
    screen.say(f"a Delta table of {written['sensors']} sensors, {written['rows_added']} rows, to {written['last_day']}")
    with quiet_uploads():
        screen.say(f"registered environment {factory.register_environment()}")
    story = Story(cloud, factory, repository, GitHub(cloud.urls["api"], secret))
    if not new_only:
        story.one_circuit()
        story.seven_circuits()
        story.the_same_again()
    story.a_new_circuit()


if __name__ == "__main__":
    typer.run(demo)
