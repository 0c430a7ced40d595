"""How long Switchyard takes to update a whole fleet, beside what the control plane allows and a sequential loop.

`python -m benchmarks.update_fleet --circuits 200` starts the local cloud with the realistic profile of its Azure ML
(local/azureml/service/profiles.py), brings a fleet to production (ten circuits per endpoint) and measures:

limit  what no client can beat: an endpoint changes one deployment at a time, so each change costs its write and its
       operation, one after the other; the slowest endpoint counts, or the budget of writes if that takes longer.
       Computed from the durations that the service really drew for the run.
app    the app in its host, with the fleet's own policy: from entering `updating` until the last target is read back.
loop   `begin_create_or_update(...).result()`, one deployment after the other, for as long as --loop-s; the mean is
       multiplied by the number of deployments.

With `--instant` an operation and a request take no time, and the app may send the ten writes a second that Azure
gives back: what is measured is the app's own work, beside that budget.

Exit status 1 when the app takes more than LIMIT times the control plane's limit.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sqlite3
import sys
import tempfile
import time
from bisect import bisect_left
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import yaml

from benchmarks.fleet_before_update import deploy_fleet, release_before_update
from cli.api import ApiError, ReleaseApi, parse
from cli.views import HELD
from cli.views import Release as ReleaseView
from local.azureml.service.profiles import PROFILES, Bucket, Budgets, Profile
from local.seeding.credentials import token_of
from local.seeding.fleet_config import CIRCUITS_PER_PLANT, fleet_of, write_config
from local.seeding.model_factory import ModelFactory
from local.seeding.uploads import quiet_uploads
from local.supervisor.cloud import CloudError, LocalCloud
from local.supervisor.parts import REPOSITORY
from shared import bootstrap
from shared.domain.release.model import Phase, Release

LIMIT = 1.2
TARGET, TARGET_INSTANT = 1.04, 1.1  # what Switchyard is meant to reach at 200 deployments, times the limit
PARTS = ("azurite", "identity", "servicebus", "eventgrid", "azureml")
PROFILE: Profile = PROFILES["realistic"]
INSTANT = Profile(lro_seconds=0, budgets=Budgets())
APPROVERS = ("engineer-1", "manager-1")
PATIENCE = 2.0  # times the limit that is to be expected
LOOK_S = 1.0
START_S = 60.0


@dataclass(frozen=True, kw_only=True)
class Change:
    """One operation on a deployment, as the service ran it; times in seconds."""

    endpoint: str
    started: float
    duration: float


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What was measured; seconds, and how many messages the app took from its queues meanwhile."""

    profile: Profile
    limit: float
    app: float
    loop_mean: float
    loop_count: int
    writes_in_a_second: int
    messages: dict[str, int]


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the update of a whole fleet.")
    parser.add_argument("--circuits", type=int, default=200, help="how many, ten per endpoint")
    parser.add_argument("--loop-s", type=float, default=20, help="how long the sequential loop may run")
    parser.add_argument("--instant", action="store_true", help="the control plane takes no time, ten writes a second")
    options = parser.parse_args()
    circuits: int = options.circuits
    profile = INSTANT if options.instant else PROFILE
    print(f"load before: {_load()}")
    with quiet_uploads(), tempfile.TemporaryDirectory(prefix="update-fleet-") as folder:
        figures = asyncio.run(measure(Path(folder), circuits, options.loop_s, profile))
    print(f"load after: {_load()}\n")
    return report(figures, circuits)


async def measure(folder: Path, circuits: int, loop_s: float, profile: Profile) -> Figures:
    """One run of everything in a local cloud of its own."""
    write_config(folder / "config", fleet_of(circuits))
    policies = _policies(folder)
    settings = {"POLICIES_FILE": str(policies), "CONFIG_DIR": str(folder / "config")}
    if profile is INSTANT:
        settings["ARM_WRITES_PER_SECOND"] = f"{profile_writes(profile).refill_per_s:g}"
    cloud = LocalCloud(folder, parts=PARTS, extra_settings=settings)
    with cloud:
        os.environ.update(cloud.env())
        _control(cloud, "PUT", "profile", {"lro_seconds": 0})
        ports = await bootstrap.ports()
        begin = time.monotonic()
        await deploy_fleet(cloud, fleet_of(circuits), ports)
        _told(begin, f"{circuits} deployments run in production")
        release = await release_before_update(ports)
        _told(begin, "the release is at the gate of production")
        _control(cloud, "PUT", "profile", profile.model_dump())
        cloud.start_part("host")
        _warm_up(cloud)
        _told(begin, "the app runs and has loaded its clients; two people approve")
        before = _messages(cloud)
        app_s, changes = await _update(cloud, release, profile)
        messages = {name: count - before[name] for name, count in _messages(cloud).items()}
        _told(begin, f"all updated; now the sequential loop, for {loop_s:g} s")
        loop_mean, loop_count = _loop(cloud, loop_s)
        _told(begin, "done")
    return Figures(
        profile=profile,
        limit=limit_s(changes, profile),
        app=app_s,
        loop_mean=loop_mean,
        loop_count=loop_count,
        writes_in_a_second=most_in_a_second(changes),
        messages=messages,
    )


def limit_s(changes: list[Change], profile: Profile) -> float:
    """What the control plane allows for these changes, in seconds. Where it takes no time the full bucket of writes
    does not count: it is kept for a rollback, and the rate at which Azure fills it is what is left."""
    by_endpoint: dict[str, float] = defaultdict(float)
    for change in changes:
        by_endpoint[change.endpoint] += profile.write_seconds + change.duration
    writes = profile_writes(profile)
    at_once = 0 if profile is INSTANT else writes.size
    budget_s = max(0.0, (len(changes) - at_once) / writes.refill_per_s)
    return max(budget_s, *by_endpoint.values()) + profile.read_seconds


def profile_writes(profile: Profile) -> Bucket:
    """The budget of writes; both profiles have the one that Azure documents."""
    return (profile.budgets or Budgets()).writes


def most_in_a_second(changes: list[Change]) -> int:
    """The largest number of changes that the service accepted within one second."""
    moments = sorted(change.started for change in changes)
    return max(bisect_left(moments, moment + 1) - number for number, moment in enumerate(moments))


def _warm_up(cloud: LocalCloud) -> None:
    """Have the app refuse a version that does not exist: it has worked before, as it has after checking a fleet."""
    end = time.monotonic() + START_S
    with ReleaseApi(cloud.urls["host"], token_of(cloud.urls["identity"], "engineer-1")) as api:
        opened = api.release_environment("9.9.9", "warm-up").release_id
        while not _is_refused(api, opened):
            if time.monotonic() > end:
                raise CloudError(f"The app does not work: see {cloud.log('host')}.")
            time.sleep(LOOK_S)
        api.act(opened, "abort", "warm-up")


def _is_refused(api: ReleaseApi, release_id: str) -> bool:
    try:
        return parse(ReleaseView, api.release(release_id)).phase == HELD
    except ApiError:  # it opens a moment later
        return False


async def _update(cloud: LocalCloud, release: Release, profile: Profile) -> tuple[float, list[Change]]:
    """Seconds from entering `updating` to leaving it, and what the service did meanwhile."""
    store = bootstrap.ports.started().store
    begin = time.time()
    for person in APPROVERS:
        with ReleaseApi(cloud.urls["host"], token_of(cloud.urls["identity"], person)) as api:
            gate = parse(ReleaseView, api.release(release.release_id)).gate
            if gate is None:
                raise CloudError(f"No gate of {release.release_id} is open.")
            api.decide(release.release_id, gate.stage, "approve", gate.digest, "")
    lanes = min(len(release.fleet) / CIRCUITS_PER_PLANT, release.policy.limits.updates_parallel_max)
    expected_s = len(release.fleet) / lanes * (profile.lro_seconds + 1)
    end = time.monotonic() + PATIENCE * expected_s + 30
    while True:
        await asyncio.sleep(LOOK_S)
        done = [each for each in _changes(cloud, begin) if each.started + each.duration < time.time()]
        _progress(len(done), len(release.fleet))
        if len(done) < len(release.fleet) and time.monotonic() < end:
            continue
        stored = await store.load(release.release_id)
        if stored is not None and stored.release.phase is Phase.WATCHING:
            break
        if time.monotonic() > end or (stored is not None and stored.release.phase is Phase.HELD):
            reason = stored.release.reason if stored else "it is gone"
            raise CloudError(f"{len(done)} of {len(release.fleet)} are updated: {reason}")
    history = await store.history(release.release_id)
    times: dict[Phase, datetime] = {entry.phase_after: entry.at for entry in reversed(history)}
    return (times[Phase.WATCHING] - times[Phase.UPDATING]).total_seconds(), _changes(cloud, begin)


def _changes(cloud: LocalCloud, since: float) -> list[Change]:
    """The operations on deployments that began since then, from the service's own database."""
    file = cloud.data / "azureml" / "azureml.db"
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        rows = database.execute(
            "SELECT entity, started_at, due FROM operations WHERE kind = 'deployment.put'"
        ).fetchall()
    changes = []
    for entity, started_at, due in rows:
        started = datetime.fromisoformat(started_at).timestamp()
        changes.append(Change(endpoint=entity.rpartition("/")[2], started=started, duration=due - started))
    return [each for each in changes if each.started >= since]


def _messages(cloud: LocalCloud) -> dict[str, int]:
    """How many messages of each queue the app has taken so far, from the log of its host."""
    log = cloud.log("host").read_text()
    return {name: log.count(f"Executed function={name} ") for name in ("effects", "release_events")}


def _loop(cloud: LocalCloud, budget_s: float) -> tuple[float, int]:
    """Mean seconds of one deployment in a sequential loop, and how many it changed."""
    client = ModelFactory(cloud).workspace("PRODUCTION_WORKSPACE")
    begin = time.monotonic()
    count = 0
    for endpoint in client.batch_endpoints.list():
        for deployment in client.batch_deployments.list(endpoint_name=str(endpoint.name)):
            deployment.environment = deployment.tags["previous_environment"]
            client.batch_deployments.begin_create_or_update(deployment).result()
            count += 1
            if time.monotonic() - begin > budget_s:
                return (time.monotonic() - begin) / count, count
    return (time.monotonic() - begin) / count, count


def report(figures: Figures, circuits: int) -> int:
    """Prints the table; 1 when the app takes too long."""
    ratio = figures.app / figures.limit
    loop_s = figures.loop_mean * circuits
    target = TARGET_INSTANT if figures.profile is INSTANT else TARGET
    rows = [
        ("the control plane's own limit", figures.limit, "computed from the durations of this run"),
        (
            "Switchyard",
            figures.app,
            f"measured; {ratio:.3f} x the limit (at most {LIMIT}, target {target}); "
            f"busiest second: {figures.writes_in_a_second} writes",
        ),
        (
            "sequential loop",
            loop_s,
            f"{loop_s / figures.app:.1f} x Switchyard; {figures.loop_count} measured, "
            f"{figures.loop_mean:.1f} s each, times {circuits}",
        ),
    ]
    print(f"update of {circuits} deployments, {_described(figures.profile)}")
    for name, seconds, note in rows:
        print(f"{name:<30} {seconds:8.1f} s  {note}")
    each = ", ".join(f"{name} {count / circuits:.1f}" for name, count in figures.messages.items())
    print(f"messages per updated deployment: {each}")
    return 1 if ratio > LIMIT else 0


def _described(profile: Profile) -> str:
    operation = f"{profile.lro_seconds:g} s +-{profile.lro_spread:.0%}"
    requests = f"a read {profile.read_seconds:g} s, a write {profile.write_seconds:g} s"
    name = "instant" if profile is INSTANT else "realistic"
    return f"profile {name}: an operation takes {operation}, {requests}"


def _policies(folder: Path) -> Path:
    """The fleet's own policies, but that nobody has to hand in a notebook; all waits are those of production."""
    policies: dict[str, Any] = yaml.safe_load((REPOSITORY / "config" / "policies.yml").read_text())
    policies["kinds"]["environment"]["evidence_required"] = False
    file = folder / "policies-of-production.yml"
    file.write_text(yaml.safe_dump(policies, sort_keys=False))
    return file


def _control(cloud: LocalCloud, method: str, path: str, body: dict[str, Any] | None = None) -> None:
    httpx.request(method, f"{cloud.urls['azureml']}/control/{path}", json=body, trust_env=False).raise_for_status()


def _progress(done: int, total: int) -> None:
    if sys.stdout.isatty():
        print(f"\r          {done:4} of {total} updated ", end="\n" if done == total else "", flush=True)


def _told(begin: float, what: str) -> None:
    print(f"{time.monotonic() - begin:6.1f} s  {what}", flush=True)


def _load() -> str:
    return " ".join(f"{each:.2f}" for each in os.getloadavg()) + f" on {os.cpu_count()} cores"


if __name__ == "__main__":
    sys.exit(main())
