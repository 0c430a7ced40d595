"""EnvironmentPlatform in memory, beside a MemoryModelPlatform whose registry, deployments and jobs it shares."""

import hashlib
import json
import re
from dataclasses import replace
from typing import Any

from shared.application.errors import PlatformRefused
from shared.application.platform_ports import CompatibilityJob, DeploymentState, Place, RegisteredEnvironment
from shared.domain.job_ends import JobEnded, ended
from tests.fakes.platform import DEV_WORKSPACE, REGISTRY, FakeJob, MemoryModelPlatform

REPORT_BYTES_MAX = 256 * 1024


class MemoryEnvironmentPlatform:
    """Checks end as the test says: `verdicts` by circuit ("P001/C001"), `failing` circuits end without a report, and
    `texts` replaces what a circuit's checks write; how long they take is the model platform's `reads_in_progress`."""

    def __init__(self, models: MemoryModelPlatform) -> None:
        self.models = models
        self.environments: dict[tuple[str, str], RegisteredEnvironment] = {}
        self.checks: dict[str, CompatibilityJob] = {}
        self.verdicts: dict[str, str] = {}
        self.failing: set[str] = set()
        self.texts: dict[str, str] = {}

    def add_environment(
        self, name: str, version: str, tags: dict[str, str], created_by: str = "engineer@example.com"
    ) -> None:
        """Registers a version in the dev workspace, or gives one that is there other tags."""
        asset_id = f"azureml://workspaces/{DEV_WORKSPACE}/environments/{name}/versions/{version}"
        fingerprint = hashlib.sha256(f"{asset_id}{sorted(tags.items())}".encode()).hexdigest()
        self.environments[name, version] = RegisteredEnvironment(
            asset_id=asset_id, fingerprint=fingerprint, tags=tags, created_by=(created_by,)
        )
        self.models.environments.add((name, version))

    async def get_environment(self, workspace: str, name: str, version: str) -> RegisteredEnvironment | None:
        found = self.environments.get((name, version))
        if workspace == DEV_WORKSPACE:
            return found
        if workspace:
            raise PlatformRefused(f"workspace {workspace} is not the configured dev workspace")
        asset_id = f"{REGISTRY}/environments/{name}/versions/{version}"
        if asset_id not in self.models.registry:
            return None
        if found is None:  # it was in the registry before anybody registered it here
            return RegisteredEnvironment(asset_id=asset_id, fingerprint=hashlib.sha256(asset_id.encode()).hexdigest())
        fingerprint = hashlib.sha256(f"{asset_id}{found.fingerprint}".encode()).hexdigest()
        return replace(found, asset_id=asset_id, fingerprint=fingerprint)

    async def environment_versions(self, name: str, workspace: str = "") -> list[tuple[str, dict[str, str]]]:
        versions = sorted({version for known, version in self.models.environments if known == name})
        found = [(version, await self.get_environment(workspace, name, version)) for version in versions]
        return [(version, dict(environment.tags)) for version, environment in found if environment]

    async def list_endpoints(self, place: Place) -> list[str]:
        return sorted({endpoint.lower() for known, endpoint, _ in self.models.deployments if known is place})

    async def list_deployments(self, place: Place, endpoint_name: str) -> list[DeploymentState]:
        wanted = (place, endpoint_name.lower())
        keys = [key for key in self.models.deployments if (key[0], key[1].lower()) == wanted]
        found = [await self.models.get_deployment(*key) for key in keys]
        return [
            replace(
                state,
                spec=replace(
                    state.spec,
                    endpoint_name=endpoint_name,
                    deployment_name=state.spec.deployment_name.lower(),
                ),
            )
            for state in found
            if state
        ]

    async def submit_check(self, job: CompatibilityJob) -> None:
        for asset_id, kind in ((job.model, "models"), (job.environment, "environments")):
            if not asset_id.startswith(f"{REGISTRY}/{kind}/"):
                raise PlatformRefused(f"{asset_id} is not one of the {kind} of the registry")
            if asset_id not in self.models.registry:
                raise PlatformRefused(f"{asset_id} does not exist")
        if not re.fullmatch(
            r"[a-z0-9_-]{1,255} [A-Za-z0-9]+ [A-Za-z0-9]+", f"{job.job_name} {job.plant_id} {job.circuit_id}"
        ):
            raise PlatformRefused(f"check {job.job_name!r} has a name that cannot be part of a command")
        if self.checks.setdefault(job.job_name, job) != job:
            raise PlatformRefused(f"job {job.job_name} exists and is another check")
        if (Place.TEST, job.job_name) not in self.models.jobs:
            lost = bool(job.baseline) and job.baseline not in self.checks
            failed = lost or f"{job.plant_id}/{job.circuit_id}" in self.failing
            self.models.jobs[Place.TEST, job.job_name] = FakeJob(
                "Failed" if failed else self.models.job_status, "see the log", reads_left=self.models.reads_in_progress
            )

    async def read_report(self, job_name: str) -> dict[str, Any]:
        job, run = self.checks.get(job_name), self.models.jobs.get((Place.TEST, job_name))
        if job is None or run is None or run.reads_left or ended(run.status) is not JobEnded.COMPLETED:
            raise PlatformRefused(f"check {job_name} left no report")
        text = self.texts.get(f"{job.plant_id}/{job.circuit_id}", json.dumps(self._report(job)))
        try:
            report = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise PlatformRefused(f"the report of check {job_name} is not JSON") from error
        if len(text) > REPORT_BYTES_MAX or not isinstance(report, dict):
            raise PlatformRefused(f"the report of check {job_name} cannot be used")
        return report

    def _report(self, job: CompatibilityJob) -> dict[str, Any]:
        """What `sensor_model.compatibility` writes, but for the predictions."""
        verdict = self.verdicts.get(f"{job.plant_id}/{job.circuit_id}", "identical")
        is_failed = verdict == "failed" and bool(job.baseline)
        comparison = {
            "verdict": verdict,
            "reasons": [f"as the test says: {verdict}"],
            "comparable": True,
            "values": 72,
            "beyond_tolerance": 72 if verdict == "changed" else 0,
            "largest_absolute": None,
            "largest_relative": None,
            "seconds": [0.25, 0.25],
        }
        return {
            "plant_id": job.plant_id,
            "circuit_id": job.circuit_id,
            "model_version": job.model.rpartition("/")[2],
            "environment_version": job.environment.rpartition("/")[2],
            "table_version": 1,
            "status": "failed" if is_failed else "scored",
            "error": "ValueError: as the test says" if is_failed else "",
            "day": "" if is_failed else "2025-12-09",
            "rows": 0 if is_failed else 24,
            "rows_left_out": 0,
            "finite": not is_failed,
            "digest": "",
            "schema": {},
            "columns": {},
            "load_s": 0.2,
            "score_s": 0.05,
            "format": 1,
            "comparison": comparison if job.baseline else None,
        }
