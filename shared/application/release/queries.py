"""What people read."""

from dataclasses import replace

from shared.application.release.attempts import succeeded_rollback
from shared.application.release.people import NoSuchRelease
from shared.application.release.ports import Ports
from shared.domain.changes.versions import SemanticVersion, compatible_versions
from shared.domain.release.history import HistoryEntry, verifies
from shared.domain.release.model import Phase, Release


async def read_release(release_id: str, ports: Ports) -> Release:
    """Raises NoSuchRelease and Unreadable."""
    stored = await ports.store.load(release_id)
    if stored is None:
        raise NoSuchRelease(f"there is no release {release_id}: list the releases to find its id")
    return await with_undone_by(stored.release, ports)


async def read_rollback(release_id: str, ports: Ports) -> Release:
    """The release, or the one by which it was undone. Raises NoSuchRelease and Unreadable."""
    release = await read_release(release_id, ports)
    return await read_release(release.undone_by, ports) if release.undone_by else release


async def with_undone_by(release: Release, ports: Ports) -> Release:
    """The release; where a rollback undid it before releases were told of that, with that one's id."""
    if release.undone_by or release.phase is not Phase.RELEASED:
        return release
    rollback = await succeeded_rollback(release.release_id, ports)
    return replace(release, undone_by=rollback.release_id) if rollback else release


async def read_history(release_id: str, ports: Ports) -> tuple[list[HistoryEntry], bool]:
    """The audit trail, and whether its hash chain leads to the digest the release holds. Raises NoSuchRelease."""
    release = await read_release(release_id, ports)
    entries = await ports.store.history(release_id)
    return entries, verifies(entries, release.history_count, release.history_hash)


async def compatible_environments(running: str | None, ports: Ports) -> list[tuple[str, dict[str, str]]]:
    """The versions of the fleet's environment in the shared registry that models keep working in, lowest first, each
    with its tags; with `running`, those that can take its place. Raises InvalidRequest and the Platform* errors.
    """
    above = SemanticVersion.parse(running) if running is not None else None
    tags = dict(await ports.environments.environment_versions(ports.config.fleet().environment_name))
    return [(str(version), tags[str(version)]) for version in compatible_versions(tags.items(), running=above)]
