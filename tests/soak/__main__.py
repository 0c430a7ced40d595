"""`python -m tests.soak --kills 100`: kill the parts of the local cloud under load and look for what was lost.

Clients with the real SDKs work on every part but Azurite, which may not be killed. Again and again one part gets a
kill -9 and is started again on its port and data, once it has acknowledged some of its clients' calls since then.
In the end everything that was acknowledged must be there, done, or delivered; nothing that nobody asked for may be;
what was settled must not come back; sessions must have kept their order. Exit status 1 if not.

The parts take turns in an order drawn from --seed; when a kill hits depends on the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from local import redirect
from local.supervisor.cloud import LocalCloud
from local.supervisor.parts import PARTS
from tests.soak.accounts import Crew, Load
from tests.soak.bus import QUEUES, SettledMessages, WorkOfFunctions
from tests.soak.http import Events, Identities, Requests
from tests.soak.records import Records
from tests.soak.soak import Soak

EXIT_ENDED = 128 + signal.SIGTERM
APP = Path(__file__).with_name("app")
KILLABLE = tuple(name for name, part in PARTS.items() if part.may_be_killed)
NEEDED = {
    "identity": (),
    "servicebus": (),
    "eventgrid": ("identity",),
    "azureml": ("azurite", "identity", "eventgrid"),
    "host": ("azurite", "identity", "servicebus", "eventgrid"),
}
"""What a part and its clients cannot work without."""


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_ENDED))  # ends the parts, too
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="Kill the local cloud under load.")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--parts", default=",".join(KILLABLE), help="which ones to kill, separated by commas")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="an empty directory for the data; a temporary one if not given")
    options = parser.parse_args()
    parts = options.parts.split(",")
    if unknown := set(parts) - set(KILLABLE):
        parser.error(f"not to be killed: {', '.join(sorted(unknown))}; choose from {', '.join(KILLABLE)}")
    if options.keep:
        return soak(options.keep.resolve(), parts, options.kills, options.seed)
    with tempfile.TemporaryDirectory(prefix="switchyard-soak-") as directory:
        return soak(Path(directory), parts, options.kills, options.seed)


def soak(directory: Path, parts: Sequence[str], kills: int, seed: int) -> int:
    """Run it in a directory; 0 if nothing was found."""
    records = Records(directory / "records")
    records.directory.mkdir(parents=True)
    queues = directory / "queues.json"
    queues.write_text(json.dumps(QUEUES))
    cloud = LocalCloud(
        directory / "cloud",
        parts={*parts, *(needed for part in parts for needed in NEEDED[part])},
        app=APP,
        extra_settings={"RECORDS": str(records.directory)},
        part_options={"servicebus": ["--config", str(queues)], "eventgrid": ["--retry-scale", "0.02"]},
    )
    os.environ.update(cloud.env())  # the clients of this process are those of the cloud
    redirect.install(**cloud.redirect_targets)
    try:
        with cloud:
            run = prepared(cloud, parts, records, directory)
            problems = run.run(kills, seed)
            say(f"\n{run.summary()}\n")
            say("\n".join(problems) if problems else "nothing lost, nothing invented")
            return 1 if problems else 0
    finally:
        redirect.uninstall()


def prepared(cloud: LocalCloud, parts: Sequence[str], records: Records, directory: Path) -> Soak:
    """Everything that the clients need, and the clients."""
    connection = cloud.env()["SERVICEBUS"]
    loads: list[Load] = []
    if "servicebus" in parts:
        loads.append(SettledMessages(connection))
    if "host" in parts:
        loads += [WorkOfFunctions(connection, records), Requests(cloud, records)]
    if "eventgrid" in parts:
        loads.append(Events(cloud, records))
    if "identity" in parts:
        loads.append(Identities(cloud))
    if "azureml" in parts:
        from tests.soak.machine_learning import MachineLearning  # its client takes seconds to import

        loads.append(MachineLearning(cloud, records, directory / "assets"))
    for load in loads:
        load.prepare()
    accounts = [account for load in loads for account in load.accounts]
    return Soak(cloud, parts, accounts, Crew([worker for load in loads for worker in load.workers]), say)


def say(line: str) -> None:
    """Show progress at once, also in a file."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
