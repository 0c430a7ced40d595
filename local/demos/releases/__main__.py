"""`python -m local.demos.releases`: starts a local cloud of its own, shows three releases, and stops it again."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer

from cli.api import ApiError
from local.demos import screen
from local.demos.data_directory import emptied
from local.demos.ending import tell_the_end
from local.demos.releases.story import GOOD, UNWANTED, Story
from local.seeding.model_factory import ModelFactory
from local.seeding.uploads import quiet_uploads
from local.supervisor.cloud import CloudError, LocalCloud

NEXT = """\
Try it yourself:
  make up    # starts the local cloud, keeps it running, and says how to use it
  make sim   # 20,000 seeded schedules of crashes, duplicates and delays
Read on: README.md, docs/architecture.md, docs/runbooks/\
"""


def demo(
    data: Annotated[Path, typer.Option(help="Data directory; emptied first.")] = Path(".local/demo"),
) -> None:
    """Show a release, a rejection and a failed test."""
    try:
        _prepare(data)
        with LocalCloud(data) as cloud:
            _tell(cloud)
    except (CloudError, ApiError) as problem:
        screen.console.print(f"Error: {problem}", style="bold red", markup=False)
        sys.exit(1)
    tell_the_end(data, NEXT)


def _prepare(data: Path) -> None:
    screen.chapter("Switchyard demo")
    screen.say("starting the local cloud: storage, identity, Service Bus, Event Grid, Azure ML, the Functions host")
    emptied(data)


def _tell(cloud: LocalCloud) -> None:
    factory = ModelFactory(cloud)
    with quiet_uploads(), ThreadPoolExecutor(1) as background:
        screen.say(f"everything serves; the app answers at {cloud.urls['api']}")
        with screen.busy("writing sensor data …"):
            written = factory.write_data()
        screen.say(
            f"a Delta table of {written['sensors']} sensors, {written['rows_added']} rows, to {written['last_day']}"
        )
        with screen.busy(f"training an LSTM of {GOOD} with TensorFlow …"):
            folder = factory.train(GOOD)
        screen.say(f"trained the model of {GOOD} (TensorFlow)")
        unwanted = background.submit(factory.train, UNWANTED)
        screen.say(f"registered environment {factory.register_environment()}; a model of {UNWANTED} trains meanwhile")
        story = Story(cloud, factory)
        story.a_release(folder)
        story.a_rejection(unwanted)
        story.a_failed_test(folder)


if __name__ == "__main__":
    typer.run(demo)
