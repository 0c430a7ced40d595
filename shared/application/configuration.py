"""The configuration in force, and the one of a commit: read from the repository that merges are taken from.

In force is the commit that was taken last. Until a first one was, and where no repository is configured, it is the
files that the app was published with. A commit never changes, so what it holds is kept for good: in the process, and in
durable storage, so that a repository that does not answer stops nothing. See ADR 27.
"""

import asyncio
import logging
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Generic, Protocol, TypeVar

from shared.application.errors import PortError, TransientFault

log = logging.getLogger(__name__)

PUBLISHED = "the files that the app was published with"
"""What people are told where there is no commit."""

READ_MAX = 8
"""Commits that a process keeps read. A fleet of 200 circuits takes some megabytes of memory."""

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")

ConfigT = TypeVar("ConfigT")
ConfigT_co = TypeVar("ConfigT_co", covariant=True)

ConfigFiles = Mapping[str, bytes]
"""The files of `config/` at one commit, by their path in it."""


class NoConfiguration(Exception):
    """A commit has no configuration to be used; the text says why, as the end of a sentence."""


class ConfigurationUnreadable(PortError):
    """The configuration in force cannot be read by this version of the app: publish one that can, or merge a repair."""


class _Silent(TransientFault):
    """The repository does not answer. Table and storage do."""


class Configurations(Protocol[ConfigT_co]):
    """The one way to the configuration. What it answers says which commit it is of."""

    async def in_force(self) -> ConfigT_co:
        """Of the commit that was taken last. Raises TransientFault and ConfigurationUnreadable."""

    async def of(self, commit: str) -> ConfigT_co:
        """Of this commit, which the branch has to hold. Raises NoConfiguration, also while the repository that has to
        be asked does not answer, and TransientFault when the table or the storage does not."""


class TakenBranch(Protocol):
    """Up to which commit the branch was taken."""

    async def in_force(self, branch: str) -> str:
        """The commit of the last change that was taken; empty before the first. It moves with the change's record, in
        one write, and never back to a commit that was taken before. Raises TransientFault."""


class KeptConfigurations(Protocol):
    """Durable storage of what commits hold."""

    async def put(self, commit: str, files: ConfigFiles) -> None:
        """Keeps the files; putting them again is fine. Raises TransientFault."""

    async def get(self, commit: str) -> ConfigFiles | None:
        """The files; None when they are not kept. Raises TransientFault."""


class Repository(Protocol):
    """The repository that merges are taken from."""

    async def config_of(self, commit: str, within: str) -> ConfigFiles:
        """The files of `config/` at a commit that `within` is or descends from. Raises NoConfiguration, and
        TransientFault while it does not answer."""


class TakenConfigurations(Generic[ConfigT]):
    """Configurations of one branch. `read` makes one of the files of a commit and raises ValueError where it cannot be
    used; `published` is the start value."""

    def __init__(
        self,
        *,
        branch: str,
        taken: TakenBranch,
        kept: KeptConfigurations,
        repository: Repository,
        read: Callable[[str, ConfigFiles], ConfigT],
        published: ConfigT,
    ) -> None:
        self._branch = branch
        self._taken = taken
        self._kept = kept
        self._repository = repository
        self._read = read
        self._published = published
        self._known: OrderedDict[str, ConfigT] = OrderedDict()
        self._being_read: dict[str, asyncio.Lock] = {}

    async def in_force(self) -> ConfigT:
        """The start value only before anything was taken; never because something does not answer."""
        commit = await self._taken.in_force(self._branch)
        if not commit:
            return self._published
        try:
            return await self._of(commit, commit)
        except NoConfiguration as error:
            raise ConfigurationUnreadable(
                f"the configuration in force, commit {commit}, cannot be used: {error}"
            ) from error

    async def of(self, commit: str) -> ConfigT:
        """A commit that is kept was taken, or was found on the branch before."""
        latest = await self._taken.in_force(self._branch)
        if not latest:
            raise NoConfiguration("nothing was taken from the repository yet")
        if not _COMMIT.fullmatch(commit):
            raise NoConfiguration(f"{commit!r} is no full commit id")
        try:
            return await self._of(commit, latest)
        except _Silent as error:
            raise NoConfiguration(str(error)) from error

    async def _of(self, commit: str, within: str) -> ConfigT:
        if commit not in self._known:
            # Whoever comes second finds it read; who wants another commit does not wait for a slow repository.
            async with self._being_read.setdefault(commit, asyncio.Lock()):
                if commit not in self._known:
                    self._known[commit] = await self._read_anew(commit, within)
            self._being_read.pop(commit, None)
        config = self._known[commit]
        self._known.move_to_end(commit)
        while len(self._known) > READ_MAX:
            self._known.popitem(last=False)
        return config

    async def _read_anew(self, commit: str, within: str) -> ConfigT:
        kept = await self._kept.get(commit)
        files = kept if kept is not None else await self._asked(commit, within)
        try:
            config = await asyncio.to_thread(self._read, commit, files)  # some seconds for a large fleet
        except ValueError as error:
            raise NoConfiguration(f"it has mistakes: {error}") from error
        if kept is None:
            await self._kept.put(commit, files)
        log.info("configuration of commit %s read", commit)
        return config

    async def _asked(self, commit: str, within: str) -> ConfigFiles:
        try:
            return await self._repository.config_of(commit, within)
        except TransientFault as error:
            raise _Silent(f"the repository does not answer: {error}") from error


class OnlyPublished(Generic[ConfigT]):
    """Configurations where no repository is configured: the files that the app was published with, always."""

    def __init__(self, published: ConfigT) -> None:
        self._published = published

    async def in_force(self) -> ConfigT:
        """The start value."""
        return self._published

    async def of(self, commit: str) -> ConfigT:
        """There is nowhere to read a commit from."""
        raise NoConfiguration("no repository is configured")


class ViewedConfigurations(Generic[ConfigT, ConfigT_co]):
    """The part of each configuration that one context is about."""

    def __init__(self, whole: Configurations[ConfigT], part: Callable[[ConfigT], ConfigT_co]) -> None:
        self._whole = whole
        self._part = part

    async def in_force(self) -> ConfigT_co:
        """As the whole."""
        return self._part(await self._whole.in_force())

    async def of(self, commit: str) -> ConfigT_co:
        """As the whole."""
        return self._part(await self._whole.of(commit))


async def made_from(commit: str, configurations: Configurations[ConfigT], in_force: ConfigT) -> tuple[ConfigT, str]:
    """The configuration of the commit that something was made from; where there is none that can be had, what is in
    force, and the reason. Raises TransientFault."""
    if not commit:
        return in_force, "the candidate names no commit"
    try:
        return await configurations.of(commit), ""
    except NoConfiguration as error:
        return in_force, f"that of commit {commit} is not used: {error}"
