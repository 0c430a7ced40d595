"""What the demo of training shows. Each check of what happened raises `CloudError` when it does not hold."""

from __future__ import annotations

import textwrap
import time
from typing import Any

from azure.core.exceptions import HttpResponseError

from cli.api import ReleaseApi, parse
from cli.show import gate_panel
from cli.training_views import SUCCEEDED, Lineage, Training, Trainings, lineage_panel, trainings_table
from cli.views import Release
from local.demos import screen
from local.demos.desk import Desk
from local.demos.training.repository import FleetRepository, GitHub
from local.seeding.credentials import token_of
from local.seeding.model_factory import ModelFactory
from local.supervisor.cloud import CloudError, LocalCloud

FIRST = "P001/C001"
SEVEN = ("P001/C002", "P001/C003", "P001/C004", "P002/C001", "P002/C002", "P002/C003", "P002/C004")
NEW, NEW_REQUEST, APPROVER = "P001/C009", 1236, "engineer-2"
FIRST_DAY, SECOND_DAY = "2025-12-08", "2025-12-07"
LOOK_S = 0.3
PATIENCE_S = 200.0
TOLD_CHARS_MAX = 110
_ENDED = ("Completed", "Failed", "Canceled")


class Story:
    """The local cloud runs already, with data and the environment in the dev workspace."""

    def __init__(self, cloud: LocalCloud, factory: ModelFactory, repository: FleetRepository, github: GitHub) -> None:
        self._desk = Desk(cloud)
        self._dev: Any = factory.workspace()
        self._repository, self._github, self._factory = repository, github, factory
        self._api = ReleaseApi(cloud.urls["host"], token_of(cloud.urls["identity"], "viewer-1"))
        self._log = cloud.log("host")

    def one_circuit(self) -> None:
        """A changed cutoff date becomes a model that waits for its approver."""
        screen.chapter("1  A cutoff date is changed and merged")
        [run] = self._merged(1234, FIRST_DAY, (FIRST,))
        [run] = self._trained([run.run_id])
        release = self._waiting(run)
        if release.gate:
            screen.show(gate_panel(release.gate))
        screen.say("one command reads back where the model comes from", "bold")
        self._show_lineage(run)

    def seven_circuits(self) -> None:
        """Seven at once, of which five train."""
        screen.chapter("2  A merge of seven circuits")
        runs = self._merged(1235, SECOND_DAY, SEVEN)
        runs = self._trained([run.run_id for run in runs])
        releases = [self._waiting(run) for run in runs]
        waiting = sum(release.needs_a_person for release in releases)
        screen.say(f"{waiting} models wait for approval", "green")
        if waiting != len(SEVEN):
            raise CloudError(f"{len(SEVEN)} releases should wait for approval, {waiting} do.")

    def the_same_again(self) -> None:
        """The webhook comes a second time."""
        screen.chapter("3  Everything once more changes nothing")
        models, known = self._models(), {run.run_id for run in self._listed()}
        answer = self._github.repeated()
        screen.say(f"GitHub sends its last webhook again; the app answers {answer}")
        if self._models() != models or {run.run_id for run in self._listed()} != known:
            raise CloudError("The same webhook again started something.")
        screen.say(f"{len(known)} runs and {len(models)} models, as before", "green")

    def a_new_circuit(self) -> None:
        """A circuit that the app was not published with is merged, trained and released."""
        screen.chapter("4  A new circuit, without publishing the app")
        known, before = {run.run_id for run in self._listed()}, self._repository.head
        diff = self._repository.merge_new(NEW_REQUEST, NEW, like=FIRST)
        with screen.busy("its sensor sends data …"):
            self._factory.write_data(self._repository.config)
        screen.say(f"pull request #{NEW_REQUEST} adds {NEW}:{diff.splitlines()[-1]}; engineer-1 merges it")
        [run] = self._trained([run.run_id for run in self._runs_of(NEW_REQUEST, before, known, 1)])
        release = self._waiting(run)
        commit = (release.gate.facts if release.gate else {}).get("configuration", "")
        if commit != f"commit {self._repository.head}":
            raise CloudError(f"{release.release_id} should be configured by {self._repository.head}, not by {commit}.")
        while not release.ended:
            if not release.needs_a_person or not release.gate:
                raise CloudError(f"{release.release_id} is {release.phase}: {release.reason}")
            screen.show(gate_panel(release.gate))
            screen.say(f"{APPROVER} approves {release.gate.stage}")
            self._desk.approve(release, APPROVER)
            release = self._desk.follow(release.release_id)
        if release.phase != "released":
            raise CloudError(f"{release.release_id} ended as {release.phase}: {release.reason}")
        screen.say(f"{NEW} runs in production: {release.reason}", "green")

    def _merged(self, number: int, day: str, circuits: tuple[str, ...]) -> list[Training]:
        """Runs that the merge led to."""
        known, before = {run.run_id for run in self._listed()}, self._repository.head
        diff = self._repository.merge(number, day, circuits)
        screen.say(f"pull request #{number} sets cutoff_date {day}:{diff.splitlines()[-1]}; engineer-1 merges it")
        return self._runs_of(number, before, known, len(circuits))

    def _runs_of(self, number: int, before: str, known: set[str], count: int) -> list[Training]:
        """Tells the app of what pull request `number` merged since `before`; the runs it led to, beside the known."""
        change_id = self._github.merged(number, before, self._repository.head)
        screen.say(
            "GitHub's webhooks of the push and of the pull request are accepted: together they prove who opened it"
        )
        screen.say("and who merged it; what changed the app reads from the repository")
        end = time.monotonic() + PATIENCE_S
        while True:
            change = self._api.change(change_id)
            runs = [run for run in self._listed() if run.run_id not in known]
            if change["state"] in ("refused", "failed"):
                raise CloudError(f"The change ended as {change['state']}: {change}")
            if len(runs) == count:
                screen.say(
                    "1 circuit changed, 1 training asked for"
                    if count == 1
                    else f"{count} circuits changed, {count} trainings asked for"
                )
                return runs
            self._sleep_until(end, f"change {change_id} is {change['state']} with {len(runs)} run(s)")

    def _trained(self, run_ids: list[str]) -> list[Training]:
        """The runs once all have ended; checks at every look how many jobs are live."""
        shown: dict[str, str] = {}
        most, end = 0, time.monotonic() + PATIENCE_S
        while True:
            listed = self._all()
            runs = [run for run in listed.trainings if run.run_id in run_ids]
            for run in sorted(runs, key=lambda each: each.run_id):
                if shown.get(run.run_id) != run.phase:
                    shown[run.run_id] = run.phase
                    short = textwrap.shorten(run.told, TOLD_CHARS_MAX, placeholder=" …")
                    screen.say(f"  {run.plant_id}/{run.circuit_id} → {run.phase}  {short}")
            most = max(most, self._live())
            if most > listed.parallel_max:
                raise CloudError(f"{most} trainings ran at once; {listed.parallel_max} are allowed.")
            if all(run.ended for run in runs):
                break
            self._sleep_until(end, f"{sum(not run.ended for run in runs)} trainings have not ended")
        if bad := [run for run in runs if run.phase != SUCCEEDED]:
            raise CloudError(f"{bad[0].run_id} ended as {bad[0].phase}: {bad[0].failure}")
        screen.show(trainings_table(runs, max(run.ended_at for run in runs if run.ended_at)))
        jobs = "1 training job" if most == 1 else f"{most} training jobs"
        screen.say(f"at most {jobs} at once; {listed.parallel_max} are allowed", "green")
        return runs

    def _waiting(self, run: Training) -> Release:
        release = self._desk.opened(run.told)
        screen.say(f"{run.told} opened its release {release.release_id}")
        release = self._desk.follow(release.release_id)
        if release.release_id != run.release_id or not release.needs_a_person:
            raise CloudError(f"{run.release_id} should wait for approval; it is {release.phase}: {release.reason}")
        return release

    def _show_lineage(self, run: Training) -> None:
        lineage = parse(Lineage, self._api.lineage(run.model_version, plant=run.plant_id, circuit=run.circuit_id))
        screen.show(lineage_panel(lineage))
        if not lineage.consistent or lineage.commit != self._repository.head or lineage.pr_number != "PR-1234":
            raise CloudError(f"The lineage does not lead to pull request 1234 at {self._repository.head}: {lineage}")

    def _all(self) -> Trainings:
        return parse(Trainings, self._api.trainings())

    def _listed(self) -> list[Training]:
        return self._all().trainings

    def _models(self) -> set[str]:
        names = [str(model.name) for model in self._dev.models.list()]
        return {f"{name}:{each.version}" for name in names for each in self._dev.models.list(name)}

    def _live(self) -> int:
        """Training jobs that were submitted and have not ended, as Azure ML lists them."""
        try:
            return sum(str(getattr(job.status, "value", job.status)) not in _ENDED for job in self._dev.jobs.list())
        except HttpResponseError as problem:
            raise CloudError(f"The jobs of the dev workspace cannot be listed: {problem}") from problem

    def _sleep_until(self, end: float, otherwise: str) -> None:
        if time.monotonic() > end:
            raise CloudError(f"After {PATIENCE_S:g} s {otherwise}: see {self._log}.")
        time.sleep(LOOK_S)
