"""After an environment release: a pull request by which the configuration names what production runs.

Merging it trains nothing, as the circuits run that version already (R-CHANGE-23). Without source control (a dry run, as
by default) it is told what would be proposed, and nothing is sent.
"""

import logging

from shared.application.errors import PlatformRefused
from shared.application.release.ports import Ports
from shared.domain.names import file_of
from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.model import Release

log = logging.getLogger(__name__)

NAMED_MAX = 3
"""Files that a history entry names; of more it gives the number."""


async def propose_environment(command: c.ProposeEnvironment, ports: Ports) -> None:
    """Raises TransientFault while source control does not answer: the command comes again, and the branch, which has
    the name of the release, has one pull request whatever happened before."""
    stored = await ports.store.load(command.release_id)
    if stored is None or stored.release.undone_by:  # production has gone back: the files are right as they are
        return
    try:
        url, detail = await _proposed(stored.release, command.version, ports)
    except PlatformRefused as error:
        url, detail = "", f"the change of the configuration to {command.version} could not be proposed: {error}"
        log.warning(detail, extra={"release_id": command.release_id})
    await ports.events.publish(
        e.EnvironmentProposed(
            event_id=f"{command.release_id}-environment-proposed",
            release_id=command.release_id,
            occurred_at=ports.clock.now(),
            url=url,
            detail=detail,
        )
    )


async def _proposed(release: Release, version: str, ports: Ports) -> tuple[str, str]:
    """The address, empty where nothing was sent, and what the history tells."""
    files, left = await _changed(release, version, ports)
    by_hand = f"; to be changed by hand: {_named(left)}" if left else ""
    if not files:
        return "", f"no file has to be changed to name {version}{by_hand}"
    change = f"{version} in {_named(sorted(files))}"
    if ports.source_control is None:
        return "", f"dry run: a pull request would name {change}{by_hand}"
    url = await ports.source_control.propose(
        files,
        branch=f"environment/{release.release_id}".lower(),
        title=f"Name environment {version}, which production runs, in {len(files)} circuits",
        body=(
            f"Release {release.release_id} brought {release.asset} to production. "
            f"This names it in the files of {len(files)} circuits{by_hand}. Merging it trains nothing."
        ),
    )
    return url, f"{url} names {change}{by_hand}"


async def _changed(release: Release, version: str, ports: Ports) -> tuple[dict[str, str], list[str]]:
    """The new texts of the circuits that the release updated, by path, and what only people can change. A file that
    names a later version stays: somebody means to go there."""
    source = ports.source_control or ports.local_files
    files: dict[str, str] = {}
    left: list[str] = []
    for path in sorted(file_of(target.key) for target in release.fleet if not target.superseded_by):
        try:
            text = await source.read(path)
            if (changed := ports.raise_environment(text, version, path)) != text:
                files[path] = changed
        except (PlatformRefused, ValueError) as error:
            left.append(f"{path} ({error})")
    return files, left


def _named(paths: list[str]) -> str:
    more = f" and {len(paths) - NAMED_MAX} more" if len(paths) > NAMED_MAX else ""
    return f"{', '.join(paths[:NAMED_MAX])}{more}"
