"""`python -m local.demos.environment`: a fleet of its own in a local cloud of its own, and two environment versions."""

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
from local.demos.environment.story import Story
from local.demos.environment.times import Times
from local.seed_fleet import bars, seed_fleet
from local.seeding.fleet_config import CIRCUITS_MAX, fleet_of, with_two_features
from local.seeding.model_factory import Circuit
from local.supervisor.cloud import CloudError, LocalCloud

NEXT = """\
Try it yourself, on this very fleet, in another terminal, after the export line that it prints:
  .venv/bin/switchyard targets <id> --failing                            # which model broke, and why
  .venv/bin/switchyard history <id>                                      # who did what, when
  diff -r {data}/environments/1.5.0 {data}/environments/1.5.2
Larger:  make demo-environment CIRCUITS=200
Read on: docs/runbooks/environment-release.md\
"""


def demo(
    circuits: Annotated[int, typer.Option(help="How many circuits; ten per plant.", min=2, max=CIRCUITS_MAX)] = 75,
    data: Annotated[Path, typer.Option(help="Data directory; emptied first.")] = Path(".local/demo-environment"),
) -> None:
    """Release an environment to a fleet, roll it back, and stop the next one."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # the parts end with the demo
    times = Times()
    try:
        screen.chapter("Switchyard demo: environments")
        emptied(data)
        fleet = fleet_of(circuits)
        _seed(data, fleet, times)
        with LocalCloud(data) as cloud:
            screen.say(f"everything serves; the app answers at {cloud.urls['api']}")
            Story(cloud, fleet, with_two_features(fleet), times).tell()
    except (CloudError, ApiError) as problem:
        screen.console.print(f"Error: {problem}", style="bold red", markup=False)
        sys.exit(1)
    times.add("everything", screen.elapsed())
    screen.show(times.table())
    tell_the_end(data, NEXT.format(data=data))


def _seed(data: Path, fleet: list[Circuit], times: Times) -> None:
    screen.say(f"bringing {len(fleet)} circuits to production: each model is trained, registered, shared and deployed")
    begun, through = screen.elapsed(), dict[str, float]()
    with bars(len(fleet), screen.console) as show:

        def report(what: str, count: int) -> None:
            show(what, count)
            through[what] = screen.elapsed() - begun

        seed_fleet(data, fleet, report)
    for what, seconds in through.items():
        times.add(f"seeding: all {what}", seconds)
    screen.say(f"{len(fleet)} models trained by TensorFlow, registered, shared and deployed")


if __name__ == "__main__":
    typer.run(demo)
