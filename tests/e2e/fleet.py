"""A small fleet in production, and what the tests of environment releases do with it and see of it."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import httpx
from azure.data.tables import TableClient

from cli.views import Release
from local.demos.desk import LOOK_S, Desk
from local.demos.environment.production import Production, read_production, unmarked
from local.seeding.credentials import token_of
from local.seeding.environment_factory import CodeChange, EnvironmentFactory
from local.seeding.model_factory import Circuit, ModelFactory
from local.storage_account import connection_string
from local.supervisor.cloud import LocalCloud
from shared.adapters.azure_ml.specs import service_name, spec_of
from shared.adapters.tables.rows import join_text
from shared.contracts.stored.releases import FLEET_TARGET
from shared.domain.release import dimensions
from shared.domain.release.model import DeploymentSpec, FleetTarget
from tests.support.processes import until

CIRCUITS = [Circuit(f"P{plant:03}", f"C{circuit:03}") for plant in (1, 2) for circuit in (1, 2)]
PRODUCTION = "prod-ml-workspace"
LAST_ENDPOINT = f"{PRODUCTION}/batchEndpoints/batch-endpoint-plant-p002"
STEP_S = 60.0
"""Longer than any step takes, killed parts included."""


class Fleet:
    """Four circuits on two endpoints of a running cloud: one can be done while the other one is held."""

    def __init__(self, cloud: LocalCloud) -> None:
        factory = ModelFactory(cloud)
        self.cloud = cloud
        self.desk = Desk(cloud)
        self._environments = EnvironmentFactory(factory, cloud.data / "environments")
        self._production = factory.workspace("PRODUCTION_WORKSPACE")

    # What people do

    def at_production_gate(self, change: CodeChange) -> Release:
        """A release whose models were checked; all that is left is to approve it."""
        environment = self._environments.register(change)
        release = self.desk.follow(self.desk.request(environment, "engineer-1", change.summary).release_id)
        self.desk.approve(release, "engineer-2")
        release = self.desk.follow(release.release_id)
        assert release.phase == "awaiting_production_approval", release.reason
        return release

    def approve(self, release: Release) -> None:
        """The update of production begins."""
        self.desk.submit(release, "engineer-2")
        self.desk.approve(release, "manager-1")

    # What happens to the parts

    def kill(self, part: str) -> None:
        """With SIGKILL. Whatever the part had asked others for is gone once they noticed."""
        self.cloud.kill(part)
        if part != "azureml":
            until(lambda: not self.held())

    def hold_writes(self, path: str) -> None:
        """Changes of deployments below the path wait, until `let_go` or until Azure ML starts again."""
        fault = {"operation": "deployment.put", "kind": "hold", "path": path, "count": None}
        self._control("POST", "faults", json=fault)

    def first_writes(self) -> list[str]:
        """The deployments whose change is held, as soon as there is one."""
        return until(self.held, deadline_s=STEP_S)

    def let_go(self) -> None:
        self._control("DELETE", "faults")

    def held(self) -> list[str]:
        """The circuits for which a change has arrived at Azure ML and waits."""
        return [_circuit(path) for path in self._control("GET", "held").json()]

    # What there is to see

    def reached(self, release: Release, phase: str) -> Release:
        """The release once it is in the phase. Fails when it ends, or waits for somebody, in another one."""

        def stopped() -> Release | None:
            now = self.desk.read(release.release_id)
            return now if now.phase == phase or now.ended or now.needs_a_person else None

        found = until(stopped, deadline_s=STEP_S, every_s=LOOK_S)
        assert found.phase == phase, found.reason
        return found

    def half_way(self, release: Release, work: str) -> set[str]:
        """The circuits that are done, as soon as some are and the change of another one is held."""

        def seen() -> set[str]:
            listed = self.desk.targets(release.release_id)
            done = {f"{each.plant_id}/{each.circuit_id}" for each in listed.targets if each.progress == "done"}
            return done if listed.work == work and len(done) < len(listed.targets) and self.held() else set()

        return until(seen, deadline_s=STEP_S, every_s=LOOK_S)

    def production(self) -> Production:
        """What runs, read with the real client."""
        return read_production(self._production)

    def running(self) -> Production:
        """The same without the marks that a roll-back leaves."""
        return unmarked(self.production())

    def writes(self) -> Counter[str]:
        """How many changes of each circuit's production deployment Azure ML ever accepted; all must have succeeded."""
        operations = self._control("GET", "operations/deployment.put").json()
        ours = [each for each in operations if f"/{PRODUCTION}/" in each["target"]]
        assert {each["state"] for each in ours} == {"Succeeded"}
        return Counter(_circuit(each["target"]) for each in ours)

    def rollback_metadata(self, release: Release) -> dict[str, str]:
        """The environment that ran before, by circuit."""
        url = f"{self.cloud.urls['api']}releases/{release.release_id}/rollback-metadata"
        bearer = token_of(self.cloud.urls["identity"], "viewer-1")
        answer = httpx.get(
            url, headers={"Authorization": f"Bearer {bearer}"}, trust_env=False, verify=False
        ).raise_for_status()
        deployments = answer.json()["deployments"]
        return {f"{each['plant_id']}/{each['circuit_id']}": each["previous_environment"] for each in deployments}

    def stored(self, release: Release) -> dict[str, FleetTarget]:
        """The targets as their rows in Table Storage say, by circuit."""
        ports = self.cloud.layout.azurite_ports
        with TableClient.from_connection_string(connection_string(ports), "switchyard") as table:
            rows = list(table.query_entities(f"PartitionKey eq '{release.release_id}' and RowKey ge 'target|'"))
        targets = [FLEET_TARGET.load(join_text("json", row)) for row in rows if row["RowKey"].startswith("target|")]
        return {target.key.replace("-", "/"): target for target in targets}

    def spec(self, like: DeploymentSpec) -> DeploymentSpec:
        """What the deployment runs in full, read with the real client."""
        endpoint, name = like.endpoint_name, like.deployment_name
        found = self._production.batch_deployments.get(service_name(name), service_name(endpoint))
        return dimensions.unmarked(spec_of(found, endpoint, name))

    def _control(self, method: str, path: str, **options: Any) -> httpx.Response:
        url = f"{self.cloud.urls['azureml']}/control/{path}"
        return httpx.request(method, url, trust_env=False, verify=False, **options).raise_for_status()


def _circuit(path: str) -> str:
    """The circuit of a deployment's id, which is in lower case."""
    found = re.search(r"/batch-endpoint-plant-(p\d+)/deployments/deployment-circuit-(c\d+)$", path)
    assert found, path
    return f"{found[1]}/{found[2]}".upper()
