"""The demo's people at work: they read releases and decide on them over HTTP, each with a token of their own."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from cli.alerting import Alert, Alerts
from cli.api import ApiError, ReleaseApi, parse
from cli.views import Evidence, EvidenceAccepted, History, Release, Releases, RollbackReport, Targets
from local.demos import screen
from local.seeding.credentials import token_of
from local.supervisor.cloud import CloudError, LocalCloud

Found = TypeVar("Found")

LOOK_S = 0.2
PATIENCE_S = 120.0
ALERTS_SEEN = 50


class Desk:
    """Reads releases and decides on them in the name of the demo's people.

    Every wait ends after `PATIENCE_S` with a `CloudError`.
    """

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud
        self._viewer = self._api("viewer-1")

    def opened(self, asset: str) -> Release:
        """The release of `name:version`, once it is there."""

        def found() -> Release | None:
            listed = parse(Releases, self._viewer.releases()).releases
            ids = [summary.release_id for summary in listed if summary.model == asset]
            return self.read(ids[0]) if ids else None

        return self._until(found, f"no release of {asset} opens")

    def read(self, release_id: str) -> Release:
        return parse(Release, self._viewer.release(release_id))

    def history(self, release_id: str) -> History:
        return parse(History, self._viewer.history(release_id))

    def targets(self, release_id: str) -> Targets:
        return parse(Targets, self._viewer.targets(release_id))

    def acted_on_alert(self) -> Alert:
        """The alert whose decision asked for a rollback that was accepted."""

        def found() -> Alert | None:
            listed = parse(Alerts, self._viewer.alerts(ALERTS_SEEN)).alerts
            return next((each for each in listed if any(asked.answer == "accepted" for asked in each.asked)), None)

        return self._until(found, "no alert leads to a rollback")

    def follow(self, release_id: str) -> Release:
        """Show every phase until the release ends or needs a person."""
        shown: list[str] = []

        def stopped() -> Release | None:
            release = self.read(release_id)
            if shown[-1:] != [release.phase]:
                shown.append(release.phase)
                screen.phase(release)
            return release if release.ended or release.needs_a_person else None

        return self._until(stopped, f"{release_id} does not go on")

    def approve(self, release: Release, person: str) -> None:
        self._decide(release, person, "approve", "")

    def reject(self, release: Release, person: str, reason: str) -> None:
        self._decide(release, person, "reject", reason)

    def request(self, environment: str, person: str, reason: str) -> Release:
        """The release of an environment `name:version` that `person` asked for, once it is open."""
        self._api(person).release_environment(environment.rpartition(":")[2], reason)
        return self.opened(environment)

    def request_online(self, model: str, version: str, person: str) -> Release:
        """The release of a model version to online endpoints that `person` asked for, once it is open."""
        wish = {"model": model, "version": version, "branch": "integration"}
        release_id = self._api(person).release_online(wish).release_id

        def found() -> Release | None:
            try:
                return self.read(release_id)
            except ApiError:
                return None

        return self._until(found, f"{release_id} does not open")

    def reaches(self, release: Release, phase: str) -> Release:
        """The release once it is in this phase, or has ended before."""

        def there() -> Release | None:
            now = self.read(release.release_id)
            return now if now.phase == phase or now.ended else None

        return self._until(there, f"{release.release_id} does not reach {phase}")

    def hand_in(self, release: Release, person: str, notebook: Path) -> Evidence:
        """Hand in the executed notebook and wait until the release has it, since the gate's digest changes with it."""
        answer = self._api(person).submit_evidence(release.release_id, notebook.read_bytes())
        evidence = parse(EvidenceAccepted, answer).evidence

        def taken() -> Evidence | None:
            now = self.read(release.release_id).evidence
            return evidence if now and now.sha256 == evidence.sha256 else None

        return self._until(taken, f"{release.release_id} does not take its evidence")

    def roll_back(self, release: Release, person: str, reason: str) -> str:
        """Ask for a critical rollback, which needs no approval; returns the id of the accepted rollback release."""
        return self._api(person).roll_back(release.release_id, reason, critical=True).release_id

    def rollback_report(self, release_id: str) -> RollbackReport:
        return parse(RollbackReport, self._viewer.rollback_report(release_id))

    def submit(self, release: Release, person: str, decision: str = "approve", reason: str = "") -> None:
        """Decide on what was shown; returns when the app has accepted it."""
        if release.gate is None:
            raise CloudError(f"No gate of {release.release_id} is open: its phase is {release.phase}.")
        self._api(person).decide(release.release_id, release.gate.stage, decision, release.gate.digest, reason)

    def refused(self, release: Release, person: str) -> str:
        """What the app says when `person` tries to approve. Raises `CloudError` if it lets them."""
        try:
            self.approve(release, person)
        except ApiError as refusal:
            return str(refusal)
        raise CloudError(f"{person} was allowed to approve {release.release_id}, which must not be.")

    def _decide(self, release: Release, person: str, decision: str, reason: str) -> None:
        """Decide on what was shown, and wait until the release has gone on."""
        self.submit(release, person, decision, reason)
        self._until(
            lambda: self.read(release.release_id).phase != release.phase or None,
            f"the decision on {release.release_id} is not carried out",
        )

    def _api(self, person: str) -> ReleaseApi:
        return ReleaseApi(self._cloud.urls["host"], token_of(self._cloud.urls["identity"], person))

    def _until(self, look: Callable[[], Found | None], otherwise: str) -> Found:
        end = time.monotonic() + PATIENCE_S
        while (found := look()) is None:
            if time.monotonic() > end:
                raise CloudError(f"After {PATIENCE_S:g} s {otherwise}: see {self._cloud.log('host')}.")
            time.sleep(LOOK_S)
        return found
