"""The decision matrix of rollbacks on a running cloud, row by row: a model, the environment, both, each after each.

New models and environments come to production through the app; alerts of Azure Monitor or people take them back; what
production runs is read from Azure ML. On fakes, in more orders: tests/application/fleet/test_decision_matrix.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import httpx
import pytest

from cli.alerting import Alert, Alerts
from cli.api import ApiError, ReleaseApi, parse
from cli.views import Release
from local import redirect
from local.demos.desk import Desk
from local.demos.environment.production import read_production
from local.fire_alert import body_of
from local.seeding.credentials import token_of
from local.seeding.environment_factory import CLEARER_LOG, EnvironmentFactory, registry_id
from local.seeding.model_factory import Circuit, ModelFactory
from local.supervisor.cloud import LocalCloud
from tests.e2e.conftest import quick_cloud
from tests.e2e.plain_fleet import prepare_version, seed_plain_fleet
from tests.support.processes import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

CHANGED, OTHER = CIRCUITS = [Circuit("P001", "C001"), Circuit("P002", "C001")]
ALL = [f"{circuit}" for circuit in CIRCUITS]
STEP_S = 60.0

Running = dict[str, tuple[str, str]]
"""Model and environment by circuit, as Azure ML tells them."""


@dataclass(frozen=True)
class Row:
    """What goes back, and why: an alert's rule for these circuits, or nothing, where a person asks."""

    back: str
    rule: str = ""
    circuits: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.back} after {self.rule or 'a person asked'}"


DEGRADED = Row("model", "model-performance-degradation", (ALL[0],))
ERRORS_OF_ONE = Row("model", "scoring-errors", (ALL[0],))
FAILURES = Row("environment", "batch-job-failure", (*ALL,))
ERRORS_OF_ALL = Row("environment", "scoring-errors", (*ALL,))
BOTH_FAIL = Row("both", "batch-job-failure", (*ALL,))
PERSON_TAKES_ENVIRONMENT, PERSON_TAKES_BOTH = Row("environment"), Row("both")

ORDER = (
    (DEGRADED, FAILURES),
    (BOTH_FAIL,),
    (PERSON_TAKES_ENVIRONMENT, ERRORS_OF_ONE),
    (PERSON_TAKES_BOTH,),
    (ERRORS_OF_ONE,),
)
"""Each of the three comes after each other one. Before each line, what its rows take back is released."""


class Fleet:
    """Two circuits on two endpoints of a running cloud."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud
        self._factory = ModelFactory(cloud)
        self._environments = EnvironmentFactory(self._factory, cloud.data / "environments")
        self._production = self._factory.workspace("PRODUCTION_WORKSPACE")
        self._engineer = ReleaseApi(cloud.urls["host"], token_of(cloud.urls["identity"], "engineer-1"))
        self._control = f"{cloud.urls['azureml']}/control/alerts"
        self._versions = 0
        self._known: set[datetime] = set()
        self.desk = Desk(cloud)

    def running(self) -> Running:
        found = read_production(self._production)
        return {circuit: (each.model, each.environment) for circuit, each in found.items()}

    def new_environment(self) -> tuple[Release, str]:
        """A version in its watch, and its id in the registry."""
        self._versions += 1
        change = replace(CLEARER_LOG, version=f"1.5.{self._versions}")
        prepare_version(self._cloud.data, change)
        environment = self._environments.register(change)
        release = self._at_gate(self.desk.request(environment, "engineer-1", change.summary))
        self.desk.approve(release, "engineer-2")
        release = self._at_gate(release)
        self.desk.submit(release, "engineer-2")
        self.desk.approve(release, "manager-1")
        return self._reached(release, "watching"), registry_id("environments", "custom-tf-env", change.version)

    def new_model(self) -> tuple[Release, str]:
        """A version of the changed circuit's model in production, and its id in the registry."""
        folder = self._cloud.data / "models" / f"{CHANGED}"
        version = self._factory.register_model(CHANGED, folder, "PR-1300")
        release = self._at_gate(self.desk.opened(f"{CHANGED.model_name}:{version}"))
        self.desk.approve(release, "engineer-1")
        self.desk.approve(self._at_gate(release), "engineer-2")
        return self._reached(release, "released"), registry_id("models", CHANGED.model_name, version)

    def go_back(self, row: Row, model: Release | None, environment: Release | None) -> None:
        """Until everything that the row names was put back."""
        rollback = self._alerted(row) if row.rule else self._asked(row, model, environment)
        release = until(lambda: self._opened(rollback), deadline_s=STEP_S)
        if row.rule == DEGRADED.rule:  # high, not critical: people are asked
            self.desk.approve(self._reached(release, "awaiting_rollback_approval"), "engineer-2")
        self._reached(release, "rolled_back")

    def _asked(self, row: Row, model: Release | None, environment: Release | None) -> str:
        assert environment
        models = [model.release_id] if row.back == "both" and model else []
        asked = self._engineer.roll_back(environment.release_id, "it fails", critical=True, models=models)
        return asked.release_id

    def _alerted(self, row: Row) -> str:
        """The rollback that an alert led to. The alert ends at once: what is over counts for no row after it."""
        body = body_of(row.rule, self._cloud.layout.policies_file)
        told = {**body, "circuits": row.circuits, "together": True, "way": "webhook"}
        fired = httpx.post(self._control, json=told, trust_env=False).raise_for_status().json()["alerts"]
        alert = until(self._acted_on, deadline_s=STEP_S)
        assert alert.decision
        assert alert.decision.verdict == row.back
        for each in fired:
            url = f"{self._control}/{each.rpartition('/')[2]}/resolve"
            httpx.post(url, params={"way": "webhook"}, trust_env=False).raise_for_status()
        return alert.asked[0].note.partition(" is ")[0]  # of a model, a release of its own

    def _acted_on(self) -> Alert | None:
        """The latest alert, once a rollback was asked for because of it."""
        listed = parse(Alerts, self._engineer.alerts(50)).alerts
        found = [each for each in listed if each.asked and each.accepted_at not in self._known]
        self._known |= {each.accepted_at for each in found}
        return found[0] if found else None

    def _opened(self, release_id: str) -> Release | None:
        """None until the queue has brought it: an alert is decided before."""
        try:
            return self.desk.read(release_id)
        except ApiError:
            return None

    def _at_gate(self, release: Release) -> Release:
        now = self.desk.follow(release.release_id)
        assert now.gate, f"{now.phase}: {now.reason}"
        return now

    def _reached(self, release: Release, phase: str) -> Release:
        """Fails when the release ends elsewhere."""

        def stopped() -> Release | None:
            now = self.desk.read(release.release_id)
            return now if now.phase == phase or now.ended else None

        found = until(stopped, deadline_s=STEP_S)
        assert found.phase == phase, found.reason
        return found


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """In production before the app starts."""
    directory = tmp_path_factory.mktemp("matrix")
    seed_plain_fleet(directory / "data", CIRCUITS)
    with quick_cloud(directory) as cloud:
        yield Fleet(cloud)
    redirect.uninstall()


@pytest.mark.parametrize("rows", ORDER, ids=lambda rows: ", then ".join(map(str, rows)))
def test_production_runs_what_the_row_says(fleet: Fleet, rows: tuple[Row, ...]) -> None:
    """After each row, every circuit: what the row names is back, and all else runs on."""
    before = fleet.running()
    assert sorted(before) == sorted(ALL)
    expected = dict(before)
    model = environment = None
    if any(row.back != "model" for row in rows):
        environment, new_environment = fleet.new_environment()
        expected = {circuit: (model_id, new_environment) for circuit, (model_id, _) in expected.items()}
    if any(row.back != "environment" for row in rows):
        model, new_model = fleet.new_model()
        expected[f"{CHANGED}"] = (new_model, expected[f"{CHANGED}"][1])
    assert fleet.running() == expected
    for row in rows:
        fleet.go_back(row, model, environment)
        if row.back != "environment":
            expected[f"{CHANGED}"] = (before[f"{CHANGED}"][0], expected[f"{CHANGED}"][1])
        if row.back != "model":
            expected = {circuit: (model_id, before[circuit][1]) for circuit, (model_id, _) in expected.items()}
        assert fleet.running() == expected
    assert fleet.running() == before
