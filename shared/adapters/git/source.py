"""ChangeSource, and what commits configure, on a git repository: fetched and read in a thread, one at a time."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from shared.adapters.git.cache import GitCache
from shared.adapters.git.changes import configuration_at, find_changes
from shared.adapters.git.tree import commit_at, has_commit, is_ancestor
from shared.application.changes.ports import Found, RepositoryRefused, UnknownCommit
from shared.application.configuration import ConfigFiles, NoConfiguration
from shared.contracts.config.files import ConfigError
from shared.domain.changes.record import ChangeClaim

if TYPE_CHECKING:
    from dulwich.repo import BaseRepo


class GitSource:
    """The configured branch of the configured repository."""

    def __init__(self, cache: GitCache) -> None:
        self._cache = cache
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="git")

    async def find(self, claim: ChangeClaim, *, taken: str, untaken: Sequence[ChangeClaim] = ()) -> Found | None:
        """What a change brings; see the port."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self._find, claim, taken, untaken)

    def _find(self, claim: ChangeClaim, taken: str, untaken: Sequence[ChangeClaim]) -> Found | None:
        head = claim.commit
        with self._cache.fetched() as (repo, tip):
            if not is_ancestor(repo, head, tip):
                raise UnknownCommit(f"commit {head} is not on the branch")
            was_wound_back = head == tip != taken
            if taken and is_ancestor(repo, head, taken) and not was_wound_back:
                return None
            base, note = _base(repo, claim, taken)
            if not taken:
                base = _earliest(repo, base, head, untaken)
            found = find_changes(repo, base, head)
            return replace(found, notes=(note, *found.notes)) if note else found

    async def config_of(self, commit: str, within: str) -> ConfigFiles:
        """The files of `config/` at a commit that `within` holds; see `shared.application.configuration`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self._config_of, commit, within)

    def _config_of(self, commit: str, within: str) -> ConfigFiles:
        try:
            with self._cache.fetched() as (repo, _):
                if not is_ancestor(repo, commit, within):
                    raise NoConfiguration(f"commit {within}, which was taken last, does not contain it")
                return configuration_at(repo, commit)
        except (RepositoryRefused, UnknownCommit, ConfigError) as error:
            raise NoConfiguration(str(error)) from error

    def close(self) -> None:
        """Lets a running call end and takes no more."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def _earliest(repo: "BaseRepo", base: str, head: str, untaken: Sequence[ChangeClaim]) -> str:
    """The base, or where the first of the changes before `head` begins that nobody took."""
    for other in untaken:
        if other.commit != head and is_ancestor(repo, other.commit, head):
            begins, _ = _base(repo, other, "")
            if base and (not begins or is_ancestor(repo, begins, base)):
                base = begins
    return base


def _base(repo: "BaseRepo", claim: ChangeClaim, taken: str) -> tuple[str, str]:
    """What the change is compared with (empty: the empty tree), and what people should know about that."""
    head = claim.commit
    if taken and is_ancestor(repo, taken, head):
        return taken, ""
    if taken and has_commit(repo, taken):
        return taken, f"history was rewritten: {taken} is no longer part of the branch; what differs from it counts"
    parents = [parent.decode() for parent in commit_at(repo, head).parents[:1]]
    known = (base for base in (claim.base, claim.since) if base and base != head and is_ancestor(repo, base, head))
    base = next(known, "")
    if not base and claim.is_first and not taken:
        return "", "the branch is new: everything in it counts"
    base = base or next(iter(parents), "")
    if not taken and not (claim.forced and base != claim.base):
        return base, ""
    lost = taken or claim.base
    compared = f"compared with {base}" if base else "compared with nothing"
    return (
        base,
        f"history was rewritten and {lost} cannot be read any more: {compared}; train by hand what else changed",
    )
