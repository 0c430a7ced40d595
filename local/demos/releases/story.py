"""The three releases of the demo. Each check of what happened raises `CloudError` when it does not hold."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path

from cli.show import gate_panel, history_table
from cli.views import Release
from local.demos import screen
from local.demos.desk import Desk
from local.seeding.model_factory import Circuit, ModelFactory
from local.supervisor.cloud import CloudError, LocalCloud

GOOD = Circuit("P001", "C001")
UNWANTED = Circuit("P002", "C003")
MIXED_UP = Circuit("P003", "C002")

Production = dict[str, tuple[str, str]]


class Story:
    """The local cloud runs already; `unwanted` is the folder of a model that trains meanwhile."""

    def __init__(self, cloud: LocalCloud, factory: ModelFactory) -> None:
        self._cloud = cloud
        self._factory = factory
        self._desk = Desk(cloud)
        self._production = factory.workspace("PRODUCTION_WORKSPACE")

    def a_release(self, folder: Path) -> None:
        """From a registered model to production, with two approvals."""
        screen.chapter("1  A model goes to production")
        release = self._registered(GOOD, folder, "PR-1001")
        release = self._desk.follow(release.release_id)
        self._show_gate(release)
        screen.say(f"trainer tries to approve: {self._desk.refused(release, 'trainer')}", "yellow")
        screen.say("engineer-1 approves the promotion to the shared registry", "bold")
        self._desk.approve(release, "engineer-1")
        release = self._desk.follow(release.release_id)
        self._show_gate(release)
        screen.say(predictions_told(self._job_folder(release)))
        screen.say("engineer-2 approves production", "bold")
        self._desk.approve(release, "engineer-2")
        release = self._ended(release, "released")
        deployed = self.production()
        if list(deployed) != [f"{GOOD}"]:
            raise CloudError(f"Production should run one deployment, of {GOOD}; it runs {deployed}.")
        model, tags = deployed[f"{GOOD}"]
        screen.say(f"production runs {model}")
        screen.say(f"  tagged {tags}")
        history = self._desk.history(release.release_id)
        if not history.verified:
            raise CloudError(f"The hash chain of the history of {release.release_id} does not fit.")
        screen.show(history_table(history.entries))

    def a_rejection(self, training: Future[Path]) -> None:
        """An engineer rejects the model, which ends the release."""
        screen.chapter("2  A model is rejected")
        before = self.production()
        release = self._registered(UNWANTED, training.result(), "PR-1002")
        release = self._desk.follow(release.release_id)
        screen.say("engineer-1 rejects it: trained on a month with a faulty sensor", "bold")
        self._desk.reject(release, "engineer-1", "trained on a month with a faulty sensor")
        self._ended(release, "rejected")
        self._untouched(before)

    def a_failed_test(self, folder: Path) -> None:
        """Another circuit's model, registered by mistake, fails in its test inference."""
        screen.chapter("3  A model fails its test inference")
        before = self.production()
        screen.say(f"by mistake the folder of {GOOD} is registered as the model of {MIXED_UP}")
        release = self._registered(MIXED_UP, folder, "PR-1003")
        release = self._desk.follow(release.release_id)
        screen.say("engineer-1 does not see it and approves the promotion", "bold")
        self._desk.approve(release, "engineer-1")
        release = self._ended(release, "failed")
        screen.say(f"the job's log: {self._last_error(release)}", "yellow")
        self._untouched(before)

    def production(self) -> Production:
        """Model and tags of every production deployment, by circuit, read with the real client."""
        running: Production = {}
        for endpoint in self._production.batch_endpoints.list():
            for deployment in self._production.batch_deployments.list(endpoint_name=str(endpoint.name)):
                tags = dict(deployment.tags or {})
                shown = ", ".join(f"{name}={tags[name]}" for name in ("deployed_at", "approved_by", "previous_version"))
                running[f"{tags['plant_id']}/{tags['circuit_id']}"] = (str(deployment.model), shown)
        return running

    def _registered(self, circuit: Circuit, folder: Path, pull_request: str) -> Release:
        version = self._factory.register_model(circuit, folder, pull_request)
        screen.say(f"trainer registers {circuit.model_name}:{version} in the dev workspace")
        release = self._desk.opened(f"{circuit.model_name}:{version}")
        screen.say(f"its ModelRegistered event arrived; release {release.release_id} opens")
        return release

    def _ended(self, release: Release, phase: str) -> Release:
        release = self._desk.follow(release.release_id)
        if release.phase != phase:
            raise CloudError(f"{release.release_id} should end as {phase}; it is {release.phase}: {release.reason}")
        return release

    def _untouched(self, before: Production) -> None:
        after = self.production()
        if after != before:
            raise CloudError(f"Production should still run {before}; it runs {after}.")
        screen.say(f"production is as it was: {len(after)} deployment, read back", "green")

    def _show_gate(self, release: Release) -> None:
        if release.gate is None:
            raise CloudError(f"{release.release_id} should wait at a gate; it is {release.phase}: {release.reason}")
        screen.show(gate_panel(release.gate))

    def _last_error(self, release: Release) -> str:
        for log in self._job_folder(release).rglob("*.txt"):
            errors = [line for line in log.read_text().splitlines() if "Error: " in line]
            if errors:
                return errors[-1]
        raise CloudError(f"The log of {release.check_runs[-1].job_name} names no error.")

    def _job_folder(self, release: Release) -> Path:
        test = self._factory.workspace("TEST_WORKSPACE")
        properties = test.jobs.get(release.check_runs[-1].job_name).properties
        return Path(properties["local.folder"])


def predictions_told(folder: Path) -> str:
    """What a test job wrote into its folder: a file for each day of the latest week. Raises `CloudError` for none."""
    import pyarrow.parquet as parquet

    days = sorted(folder.rglob("*.parquet"), key=lambda file: file.name)
    if not days:
        raise CloudError(f"The test job wrote no predictions into {folder}.")
    rows = parquet.read_metadata(days[-1]).num_rows
    latest = days[-1].relative_to(folder)
    return f"the test job scored {len(days)} days of the circuit, {rows} rows of the latest: {latest}"
