"""ChangeSource on a git repository: fetched and read in a thread, one change at a time."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from shared.adapters.git.cache import GitCache
from shared.adapters.git.changes import find_changes
from shared.adapters.git.tree import commit_at, is_ancestor
from shared.application.changes.ports import Found, UnknownCommit


class GitSource:
    """The configured branch of the configured repository."""

    def __init__(self, cache: GitCache) -> None:
        self._cache = cache
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="git")

    async def find(self, head: str, *, taken: str, claimed_base: str) -> Found | None:
        """What `head` brings; see the port."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self._find, head, taken, claimed_base)

    def _find(self, head: str, taken: str, claimed_base: str) -> Found | None:
        with self._cache.fetched() as (repo, tip):
            if not is_ancestor(repo, head, tip):
                raise UnknownCommit(f"commit {head} is not on the branch")
            if taken and is_ancestor(repo, head, taken):
                return None
            parents = [parent.decode() for parent in commit_at(repo, head).parents[:1]]
            candidates = (taken, claimed_base, *parents)
            older = (base for base in candidates if base and base != head and is_ancestor(repo, base, head))
            return find_changes(repo, next(older, ""), head)

    def close(self) -> None:
        """Lets a running call end and takes no more."""
        self._executor.shutdown(wait=False, cancel_futures=True)
