"""An environment version goes to the whole fleet and comes back; the next one does not get there.

Each check of what happened raises `CloudError` when it does not hold.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from cli.going_back import checklist_table
from cli.show import gate_panel
from cli.views import Release, Targets
from local.demos import screen
from local.demos.desk import PATIENCE_S, Desk
from local.demos.environment.follow import LOOK_S, Follower
from local.demos.environment.production import Production, differences, read_production, unmarked, versions
from local.demos.environment.times import Times
from local.demos.environment.trigger import call_the_fleet_back
from local.seeding.environment_factory import (
    CLEARER_LOG,
    COLUMN_BY_COLUMN,
    FIRST,
    CodeChange,
    EnvironmentFactory,
    write_version,
)
from local.seeding.evidence_factory import write_evidence
from local.seeding.model_factory import Circuit, ModelFactory
from local.supervisor.cloud import CloudError, LocalCloud

ASKS = "engineer-1"
APPROVES = "engineer-2"
MANAGES = "manager-1"


class Story:
    """The local cloud runs already, with a fleet in production; the circuit `odd` has a model of two features."""

    def __init__(self, cloud: LocalCloud, fleet: list[Circuit], odd: Circuit, times: Times) -> None:
        self._cloud = cloud
        self._fleet = fleet
        self._odd = odd
        self._times = times
        self._factory = ModelFactory(cloud)
        self._versions = cloud.data / "environments"
        self._environments = EnvironmentFactory(self._factory, self._versions)
        self._desk = Desk(cloud)
        self._production = self._factory.workspace("PRODUCTION_WORKSPACE")

    def tell(self) -> None:
        """Release a version to the fleet, roll it back after alerts, and stop a version that breaks a model."""
        for change in (CLEARER_LOG, COLUMN_BY_COLUMN):  # now, because two threads are going to need them
            write_version(self._versions / change.version, change)
        with ThreadPoolExecutor(1) as background:
            notebook = background.submit(self._evidence, CLEARER_LOG)
            before = self._read_production()
            if set(before) != {f"{each}" for each in self._fleet} or _only(before) != FIRST.version:
                raise CloudError(f"All {len(self._fleet)} circuits should run {FIRST.version}: {versions(before)}.")
            screen.say(f"production, read with the Azure ML client: {versions(before)}")
            release = self._a_release(before, notebook)
            notebook = background.submit(self._evidence, COLUMN_BY_COLUMN)  # while the fleet goes back
            self._a_rollback(release, before)
            self._a_broken_version(notebook)

    def _a_release(self, before: Production, notebook: Future[Path]) -> Release:
        screen.chapter(f"1  Version {CLEARER_LOG.version} goes to the whole fleet")
        release, follower = self._requested(CLEARER_LOG)
        release = self._at_gate(follower, "registry")
        self._hand_in(release, notebook)
        release = self._at_gate(follower, "registry", shown=True)
        screen.say(f"{ASKS} tries to approve: {self._desk.refused(release, ASKS)}", "yellow")
        self._approve_registry(release)
        screen.say("every model scores its circuit's latest day in both versions: two jobs per circuit")
        release = self._at_gate(follower, "production", shown=True)
        self._times.add(f"checks of every model in {CLEARER_LOG.version}", follower.seconds["checking"])
        screen.say(f"{APPROVES} and {MANAGES} approve production", "bold")
        self._desk.submit(release, APPROVES)
        self._desk.approve(release, MANAGES)
        release = _in_phase("watching", follower.follow(stop_at=("watching",)))
        self._times.add("update of the fleet", follower.seconds["updating"])
        after = self._read_production()
        if differences(before, after) != sorted(before) or _only(after) != CLEARER_LOG.version:
            raise CloudError(f"Production should run {CLEARER_LOG.version}; it runs {versions(after)}.")
        screen.say(f"production, read with the Azure ML client: {versions(after)}", "green")
        return release

    def _a_rollback(self, release: Release, before: Production) -> None:
        screen.chapter("2  The fleet goes back")
        release_id = call_the_fleet_back(self._cloud, self._desk, release, self._fleet)
        _in_phase("rolled_back", Follower(self._desk, release_id).follow())
        self._show_times(release_id)
        after = self._read_production()
        if changed := differences(before, unmarked(after)):
            raise CloudError(f"These circuits should run what they ran before: {', '.join(changed)}.")
        strangers = [name for name, running in after.items() if running.tags.get("restored_by_release") != release_id]
        if strangers:
            raise CloudError(f"The deployments of {', '.join(strangers)} do not say which release put them back.")
        screen.say(f"production, read with the Azure ML client: {versions(after)}, as before", "green")
        marks = next(iter(after.values())).tags
        screen.say(
            f"  each tagged rolled_back_at={marks['rolled_back_at']}, rollback_reason={marks['rollback_reason']}"
        )

    def _a_broken_version(self, notebook: Future[Path]) -> None:
        screen.chapter(f"3  Version {COLUMN_BY_COLUMN.version} breaks one model")
        before = self._read_production()
        release, follower = self._requested(COLUMN_BY_COLUMN)
        self._hand_in(self._at_gate(follower, "registry"), notebook)
        self._approve_registry(self._at_gate(follower, "registry"))
        release = _in_phase("failed", follower.follow())
        self._times.add(f"checks of every model in {COLUMN_BY_COLUMN.version}", follower.seconds["checking"])
        self._name_the_model(self._desk.targets(release.release_id))
        screen.say(f"the team is told: {self._told(release)}", "yellow")
        after = self._read_production()
        if changed := differences(before, after):
            raise CloudError(f"Production should be untouched; these circuits changed: {', '.join(changed)}.")
        screen.say(f"production is untouched, read with the Azure ML client: {versions(after)}", "green")

    def _requested(self, change: CodeChange) -> tuple[Release, Follower]:
        environment = self._environments.register(change)
        screen.say(f"trainer registers {environment} in the dev workspace: {change.summary}")
        screen.say(f"{ASKS} asks for its release to the fleet", "bold")
        release = self._desk.request(environment, ASKS, f"{change.summary} ({change.pull_request})")
        return release, Follower(self._desk, release.release_id)

    def _evidence(self, change: CodeChange) -> Path:
        """A notebook that was executed in the version, with a model of three features."""
        model = self._cloud.data / "models" / f"{next(each for each in self._fleet if each != self._odd)}"
        notebook = self._cloud.data / "evidence" / f"{change.version}.ipynb"
        return write_evidence(notebook, code=self._versions / change.version, model=model, table=self._factory.table)

    def _hand_in(self, release: Release, notebook: Future[Path]) -> None:
        with screen.busy("the evidence, a notebook, runs in the new version …"):
            file = notebook.result()
        evidence = self._desk.hand_in(release, ASKS, file)
        screen.say(f"{ASKS} hands in {file.name}, executed: {evidence.advice} ({evidence.quality}; {evidence.tests})")
        if evidence.advice == "reject":
            raise CloudError("; ".join(reason.text for reason in evidence.reasons if not reason.holds))

    def _at_gate(self, follower: Follower, stage: str, *, shown: bool = False) -> Release:
        release = follower.follow()
        if release.gate is None or release.gate.stage != stage:
            raise CloudError(f"{release.release_id} should wait at {stage}; it is {release.phase}: {release.reason}")
        if shown:
            screen.show(gate_panel(release.gate))
        return release

    def _approve_registry(self, release: Release) -> None:
        screen.say(f"{APPROVES} approves the promotion to the shared registry", "bold")
        self._desk.approve(release, APPROVES)

    def _show_times(self, release_id: str) -> None:
        """By the app's own clock, from the trigger on."""
        report = self._desk.rollback_report(release_id)
        if report.meter is None or report.counts["restored"] != len(self._fleet):
            raise CloudError(f"{release_id} should have restored all {len(self._fleet)} circuits: {report.counts}")
        moments = {
            "first circuit restored": report.meter.seconds_to_first_restored,
            "last circuit restored": report.meter.seconds_to_last_restored,
            "sample inferences ran": report.meter.seconds_to_verified,
        }
        for what, seconds in moments.items():
            if seconds is not None:
                self._times.add(f"rollback: {what}", seconds)
        shown = ", ".join(f"{what} after {seconds:.1f} s" for what, seconds in moments.items() if seconds is not None)
        screen.say(shown, "bold")
        screen.show(checklist_table(report.checklist))

    def _name_the_model(self, listed: Targets) -> None:
        """Exactly the model that the version breaks failed."""
        failing = [target for target in listed.targets if target.is_failing]
        if [f"{each.plant_id}/{each.circuit_id}" for each in failing] != [f"{self._odd}"]:
            raise CloudError(f"Only {self._odd} should fail; {[each.key for each in failing]} do.")
        screen.say(f"{self._odd} has a model of two features: {failing[0].check_detail}", "bold red")

    def _told(self, release: Release) -> str:
        """The fact that the app published about the end of the release, as subscribers of the topic got it."""
        end = time.monotonic() + PATIENCE_S
        while (fact := fact_of(self._cloud.facts_file, release)) is None:
            if time.monotonic() > end:
                raise CloudError(f"No fact tells the end of {release.release_id}: see {self._cloud.log('host')}.")
            time.sleep(LOOK_S)
        return fact

    def _read_production(self) -> Production:
        return read_production(self._production)


def fact_of(file: Path, release: Release) -> str | None:
    """What a fact in the file says about the release's phase; None while there is none."""
    facts = (json.loads(line) for line in file.read_text().splitlines()) if file.exists() else ()
    wanted = (release.release_id, release.phase)
    told = (fact["data"] for fact in facts if fact["type"].startswith("switchyard.release."))  # others are of alerts
    return next((data["reason"] for data in told if (data["release_id"], data["phase"]) == wanted), None)


def _only(production: Production) -> str:
    """The one version of the environment that everything runs; empty when there are several."""
    found = {running.version for running in production.values()}
    return found.pop() if len(found) == 1 else ""


def _in_phase(phase: str, release: Release) -> Release:
    if release.phase != phase:
        raise CloudError(f"{release.release_id} should be {phase}; it is {release.phase}: {release.reason}")
    return release
