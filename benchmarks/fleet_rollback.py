"""How quickly a fleet is put back after an alert, beside what the control plane allows.

`python -m benchmarks.fleet_rollback --circuits 200` starts the local cloud, brings a fleet to production and updates it
while the control plane takes no time. Then, with the realistic profile (local/azureml/service/profiles.py) and once
nothing can be in flight, for which QUIET_S of silence stand here, Azure Monitor fires an alert for several circuits,
and two things are measured, both from the moment at which the alert is fired:

first write  until the service has accepted the first change of a deployment
last         until the operation of the last deployment has ended, beside the limit of benchmarks/update_fleet.py

Exit status 1 when the first write comes after FIRST_LIMIT_S, or the last one takes more than LIMIT times the limit.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks import update_fleet
from benchmarks.event_load import load
from benchmarks.fleet_before_update import deploy_fleet, release_before_update
from benchmarks.update_fleet import INSTANT, PARTS, Change, limit_s
from local.azureml.service.profiles import PROFILES
from local.fire_alert import body_of
from local.seeding.fleet_config import fleet_of, write_config
from local.seeding.uploads import quiet_uploads
from local.supervisor.cloud import CloudError, LocalCloud
from shared import bootstrap

RULE = "batch-job-failure"
ALERTS = 3
FIRST_LIMIT_S = 2.0
LIMIT = 1.2
"""Of the update too; 1.05 is what is aimed at."""

QUIET_S = 5
"""In production three minutes, in which a rollback would wait for changes that may still land."""

PATIENCE_S = 300.0


@dataclass(frozen=True, kw_only=True)
class Restored:
    """Seconds since the alert was fired, and the limit for the changes that were made."""

    first_write: float
    last: float
    limit: float


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure how quickly a fleet is put back after an alert.")
    parser.add_argument("--circuits", type=int, default=200, help="how many, ten per endpoint")
    circuits: int = parser.parse_args().circuits
    print(f"load before: {load()}")
    with quiet_uploads(), tempfile.TemporaryDirectory(prefix="fleet-rollback-") as folder:
        restored = asyncio.run(measure(Path(folder), circuits))
    print(f"load after: {load()}\n")
    return report(restored, circuits)


async def measure(folder: Path, circuits: int) -> Restored:
    """One run of everything in a local cloud of its own."""
    write_config(folder / "config", fleet_of(circuits))
    policies = _policies(folder)
    cloud = LocalCloud(
        folder, parts=PARTS, extra_settings={"POLICIES_FILE": str(policies), "CONFIG_DIR": str(folder / "config")}
    )
    with cloud:
        os.environ.update(cloud.env())
        update_fleet._control(cloud, "PUT", "profile", {"lro_seconds": 0})
        ports = await bootstrap.ports()
        began = time.monotonic()
        await deploy_fleet(cloud, fleet_of(circuits), ports)
        release = await release_before_update(ports)
        cloud.start_part("host")
        update_fleet._warm_up(cloud)
        print(
            f"{time.monotonic() - began:6.1f} s  {circuits} deployments run in production; they are updated", flush=True
        )
        await update_fleet._update(cloud, release, INSTANT)
        await asyncio.sleep(QUIET_S)
        print(f"{time.monotonic() - began:6.1f} s  all updated; {ALERTS} circuits fail", flush=True)
        update_fleet._control(cloud, "POST", "profile/realistic")
        at = time.time()
        failing = [str(circuit) for circuit in fleet_of(circuits)[:ALERTS]]
        body = {**body_of(RULE, policies), "circuits": failing}
        update_fleet._control(cloud, "POST", "alerts", body)
        changes = await _all_put_back(cloud, circuits, at)
    return Restored(
        first_write=min(each.started for each in changes) - at,
        last=max(each.started + each.duration for each in changes) - at,
        limit=limit_s(changes, PROFILES["realistic"]),
    )


def _policies(folder: Path) -> Path:
    """Those of the update, with less silence."""
    file = update_fleet._policies(folder)
    policies = yaml.safe_load(file.read_text())
    for kind in policies["kinds"].values():
        if "settle_quiet_s" in kind.get("limits", {}):
            kind["limits"]["settle_quiet_s"] = QUIET_S
    file.write_text(yaml.safe_dump(policies, sort_keys=False))
    return file


async def _all_put_back(cloud: LocalCloud, circuits: int, since: float) -> list[Change]:
    end = time.monotonic() + PATIENCE_S
    while True:
        await asyncio.sleep(1)
        changes = update_fleet._changes(cloud, since)
        if len(changes) >= circuits and all(each.started + each.duration < time.time() for each in changes):
            return changes
        if time.monotonic() > end:
            raise CloudError(f"{len(changes)} of {circuits} are put back after {PATIENCE_S:g} s.")


def report(restored: Restored, circuits: int) -> int:
    """Prints the figures; 1 when a limit is broken."""
    ratio = restored.last / restored.limit
    print(f"a fleet of {circuits} put back after an alert, profile realistic")
    print(f"alert to first write    {restored.first_write:8.1f} s  (at most {FIRST_LIMIT_S:g})")
    print(f"alert to last restored  {restored.last:8.1f} s")
    print(f"the limit               {restored.limit:8.1f} s  {ratio:.3f} x (at most {LIMIT}; aimed at: 1.05)")
    return 1 if restored.first_write > FIRST_LIMIT_S or ratio > LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
