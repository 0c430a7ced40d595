"""What every command of a step has: an id that is derived from release, serial and verb, so that the same step always
has the same ids."""

from datetime import datetime
from typing import TypedDict

from shared.domain.release.model import Release


class Common(TypedDict):
    """The fields of a `Command`."""

    command_id: str
    release_id: str
    serial: int
    not_before: datetime | None


def common_of(release: Release, what: str, not_before: datetime | None = None) -> Common:
    """Those of the command that does `what` in the current step."""
    return {
        "command_id": f"{release.release_id}-{release.serial}-{what}",
        "release_id": release.release_id,
        "serial": release.serial,
        "not_before": not_before,
    }
