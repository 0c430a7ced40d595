"""`python -m local.demos.online`: a local cloud of its own that serves taxi fares, and four versions of their model."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.api import ApiError
from local.demos import screen
from local.demos.data_directory import emptied
from local.demos.ending import tell_the_end
from local.demos.online.story import Story
from local.seeding.taxi_factory import TaxiFactory, write_config
from local.seeding.uploads import quiet_uploads
from local.supervisor.cloud import CloudError, LocalCloud


def demo(
    data: Annotated[Path, typer.Option(help="Data directory; emptied first.")] = Path(".local/demo-online"),
) -> None:
    """Serve a first model, a better one, refuse a worse one, and put one back that is too slow in production."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # the parts end with the demo
    try:
        screen.chapter("Switchyard demo: online endpoints")
        screen.say("starting the local cloud: storage, identity, Service Bus, Event Grid, Azure ML, the Functions host")
        emptied(data)
        write_config(data / "config")
        with LocalCloud(data) as cloud, quiet_uploads():
            _tell(cloud)
    except (CloudError, ApiError) as problem:
        screen.console.print(f"Error: {problem}", style="bold red", markup=False)
        sys.exit(1)
    tell_the_end(data, "Read on: docs/online.md")


def _tell(cloud: LocalCloud) -> None:
    screen.say(f"everything serves; the app answers at {cloud.urls['api']}")
    factory = TaxiFactory(cloud)
    factory.write_rides()
    screen.say(f"rides to train on, others to compare on; registered environment {factory.register_environment()}")
    story = Story(cloud, factory)
    story.the_first_model()
    story.a_better_one()
    story.a_worse_one()
    story.one_that_is_too_slow()


if __name__ == "__main__":
    typer.run(demo)
