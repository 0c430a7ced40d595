"""Follows an environment release live, and remembers how long everything took."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Container
from datetime import UTC, datetime

from rich.console import Group
from rich.live import Live

from cli.tallies import tallies
from cli.views import Release
from cli.watching import Moving
from local.demos import screen
from local.demos.desk import PATIENCE_S, Desk
from local.demos.environment.matrix import matrix
from local.supervisor.cloud import CloudError

LOOK_S = 0.5
WORKING = ("checking", "updating", "rolling_back", "verifying_rollback")


class Follower:
    """Shows one release. `seconds` says how long it was in each phase, to within `LOOK_S`."""

    def __init__(self, desk: Desk, release_id: str) -> None:
        self._desk = desk
        self._release_id = release_id
        self._phase, self._entered = "", time.monotonic()
        self.seconds: dict[str, float] = defaultdict(float)

    def follow(self, stop_at: Container[str] = ()) -> Release:
        """Until the release ends, needs a person, or is in one of the phases.

        Raises `CloudError` when nothing at all happens for `PATIENCE_S`.
        """
        moving, listed = Moving(), None
        seen, since = "", time.monotonic()
        with Live(console=screen.console, transient=True, refresh_per_second=4) as live:
            while True:
                release = self._read()
                if release.phase in WORKING or (listed and listed.work):
                    listed = self._desk.targets(self._release_id)
                if release.ended or release.needs_a_person or release.phase in stop_at:
                    break
                happened = f"{release.phase} {release.attempt} {release.progress}"
                if happened != seen:
                    seen, since = happened, time.monotonic()
                if time.monotonic() - since > PATIENCE_S:
                    raise CloudError(
                        f"{self._release_id} has been {release.phase} for {PATIENCE_S:g} s: {release.reason}"
                    )
                bars = moving.show(release, datetime.now(UTC))
                live.update(Group(bars, matrix(listed.targets, listed.work)) if listed else bars)
                time.sleep(LOOK_S)
        if listed:
            screen.show(matrix(listed.targets, listed.work))
            screen.say(", ".join(f"{tally.name} {tally.text}" for tally in tallies(release)))
        return release

    def _read(self) -> Release:
        release = self._desk.read(self._release_id)
        now = time.monotonic()
        self.seconds[self._phase] = now - self._entered
        if release.phase != self._phase:
            self._phase, self._entered = release.phase, now
            screen.phase(release)
        return release
