"""Environment releases as the HTTP tests store them, requests about them, and the functions that answer."""

from dataclasses import replace
from typing import Any

import azure.functions as func

from shared.domain.release.model import FleetTarget, Phase, Progress, Release, Verdict
from tests.functions.callers import function, request
from tests.support.builders import RELEASE_ID, a_fleet_release, a_fleet_target

request_release = function("request_environment_release")
roll_back = function("roll_back_release")
read_rollback_report = function("read_rollback_report")
read_targets = function("read_targets")
download = function("download_rollback_metadata")
read_release = function("read_release")


def of(token: str | None, body: object = None, **query: str) -> func.HttpRequest:
    """A request about the stored release."""
    return request(token, body, method="GET" if body is None else "POST", query=query, release_id=RELEASE_ID)


def at_work(target: FleetTarget, goal: Phase, progress: Progress, **changes: Any) -> FleetTarget:
    return replace(target, goal=goal, serial=1, progress=progress, **changes)


def updating(**changes: Any) -> Release:
    """One target is done, one is being changed; both models were checked."""
    done = at_work(a_fleet_target(1), Phase.UPDATING, Progress.DONE, touched=True, check=Verdict.PASSED)
    busy = at_work(a_fleet_target(2), Phase.UPDATING, Progress.CHANGING, touched=True, check=Verdict.INCONCLUSIVE)
    return replace(a_fleet_release(Phase.UPDATING, fleet=(busy, done)), **changes)
