"""What makes the fleet go back."""

from __future__ import annotations

from cli.views import Release
from local.demo import screen
from local.demo.people import Desk

PERSON = "engineer-2"
REASON = "more than 10 alerts an hour since the update"


def call_the_fleet_back(desk: Desk, release: Release) -> str:
    """Returns the id of the release that puts the fleet back, once the app has accepted that it shall."""
    screen.say(f"{PERSON} rolls {release.release_id} back: {REASON}", "bold")
    return desk.roll_back(release, PERSON, REASON)
