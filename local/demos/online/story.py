"""The four releases of the demo. Each check of what happened raises `CloudError` when it does not hold."""

from __future__ import annotations

from collections.abc import Sequence

from cli.show import gate_panel, release_panel
from cli.views import Release
from local.demos import screen
from local.demos.desk import Desk
from local.seeding.taxi_factory import MODEL, TaxiFactory
from local.supervisor.cloud import CloudError, LocalCloud

SLOW_S = 1.5
Serving = dict[str, tuple[int, str]]


class Story:
    """The local cloud runs already."""

    def __init__(self, cloud: LocalCloud, factory: TaxiFactory) -> None:
        self._factory = factory
        self._desk = Desk(cloud)

    def the_first_model(self) -> None:
        """Nothing serves, so that it is compared with nothing and gets all traffic at once."""
        screen.chapter("1  A first model is served")
        release = self._asked(["distance_km"], "PR-2001")
        self._released(release, {"green": (100, "1")})

    def a_better_one(self) -> None:
        """It shares the traffic with the one before, and then has all of it."""
        screen.chapter("2  A better model gets the traffic step by step")
        release = self._asked(["distance_km", "minutes"], "PR-2002")
        self._released(release, {"blue": (100, "2")})
        tags = self._factory.tags("2")
        told = ", ".join(f"{name}={tags.get(name, '')}" for name in ("branch", "commit", "comparison_run"))
        screen.say(f"the registry has {MODEL}:2 with {told}")

    def a_worse_one(self) -> None:
        """The comparison stops it; nothing is registered."""
        screen.chapter("3  A worse model is stopped by its comparison")
        before = self._factory.serving()
        release = self._desk.follow(self._asked(["passengers"], "PR-2003").release_id)
        self._check(release, "failed", "not improved")
        self._same(before)

    def one_that_is_too_slow(self) -> None:
        """Better, but slow in production: the traffic from before is back, and the slot is gone."""
        screen.chapter("4  A better model that is too slow in production is put back")
        before = self._factory.serving()
        release = self._desk.follow(self._asked(["distance_km", "minutes", "night"], "PR-2004").release_id)
        self._approve(release)
        release = self._desk.reaches(release, "moving_traffic")
        screen.say(f"it is moving_traffic; from now on every answer of production takes {SLOW_S} s longer", "yellow")
        self._factory.slow_production(SLOW_S)
        release = self._desk.follow(release.release_id)
        self._factory.slow_production(0)
        self._check(release, "failed", "too slow")
        screen.show(release_panel(release, release.phase_since))
        self._same(before)

    def _asked(self, features: Sequence[str], pull_request: str) -> Release:
        version = self._factory.register(features, pull_request)
        screen.say(f"trainer registers {MODEL}:{version}, which looks at {' and '.join(features)}")
        release = self._desk.request_online(MODEL, version, "engineer-1")
        screen.say(f"engineer-1 asks for its release: {release.release_id}", "bold")
        return release

    def _released(self, release: Release, wanted: Serving) -> None:
        release = self._desk.follow(release.release_id)
        self._approve(release)
        release = self._desk.follow(release.release_id)
        self._check(release, "released", "production serves")
        found = self._factory.serving()
        if found != wanted:
            raise CloudError(f"Production should serve by {wanted}; it serves by {found}.")
        screen.say(f"production, read with the Azure ML client: {told(found)}", "green")

    def _approve(self, release: Release) -> None:
        if release.gate is None:
            raise CloudError(f"{release.release_id} should wait at a gate; it is {release.phase}: {release.reason}")
        screen.show(gate_panel(release.gate))
        screen.say("engineer-2 approves production", "bold")
        self._desk.approve(release, "engineer-2")

    def _check(self, release: Release, phase: str, reason: str) -> None:
        if release.phase != phase or reason not in release.reason:
            raise CloudError(
                f"{release.release_id} should be {phase}, {reason}; it is {release.phase}: {release.reason}"
            )

    def _same(self, before: Serving) -> None:
        after = self._factory.serving()
        if after != before:
            raise CloudError(f"Production should still serve by {before}; it serves by {after}.")
        screen.say(f"production is as it was, read with the Azure ML client: {told(after)}", "green")


def told(serving: Serving) -> str:
    """Who gets what."""
    return ", ".join(f"{slot} {share} % with version {version}" for slot, (share, version) in sorted(serving.items()))
