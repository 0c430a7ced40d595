"""What people want at random of versions that came in before: another attempt, or a first one that no event began."""

import random
from collections.abc import Mapping
from contextlib import suppress

from shared.application.errors import PlatformErrored
from shared.application.release.attempts import request_again, request_environment_release, request_model_release
from shared.application.release.ports import Ports
from shared.domain.errors import DomainError
from shared.domain.release.model import Actor, Kind, Release
from tests.fakes.platform import DEV_WORKSPACE
from tests.fakes.store import Partition

#: How often whoever wants a version again names it, and not its release.
_BY_NAME = 0.3


def may_be_had_again(partitions: Mapping[str, Partition]) -> list[Release]:
    """Every release of a version, also those that are under way: who asks does not always know."""
    return [each.release for each in partitions.values() if each.release.kind is not Kind.ROLLBACK]


async def release_again(release: Release, actor: Actor, rng: random.Random, ports: Ports) -> None:
    """Somebody wants the version again; what is refused is told to the person."""
    reason = "it was not the model" if rng.random() < 0.9 else ""
    names = (release.asset_name, release.asset_version)
    with suppress(DomainError, PlatformErrored):
        if rng.random() >= _BY_NAME:
            await request_again(release.release_id, actor, reason, ports)
        elif release.kind is Kind.ENVIRONMENT:
            await request_environment_release(DEV_WORKSPACE, *names, actor, reason, ports)
        else:
            await request_model_release(DEV_WORKSPACE, *names, actor, reason, ports)


async def release_by_hand(name: str, version: str, actor: Actor, ports: Ports) -> None:
    """The event of a model version did not come, and somebody who knows of the version does not wait for it."""
    with suppress(DomainError, PlatformErrored):
        await request_model_release(DEV_WORKSPACE, name, version, actor, "its event did not come", ports)
