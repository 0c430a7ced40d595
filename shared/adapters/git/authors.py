"""Whom the commits between two commits name: their authors, committers and co-authors. All of them are claims."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from shared.adapters.git.tree import identity
from shared.domain.makers import Account, AccountKind, together, unnamed

if TYPE_CHECKING:
    from dulwich.objects import Commit
    from dulwich.repo import BaseRepo

COMMITS_MAX = 1_000
"""Of one change; whoever wrote earlier ones is unknown."""

_CO_AUTHOR = re.compile(rb"^co-authored-by:[ \t]*([^\r\n]{1,400}?)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
"""What a squashed merge says of those who wrote the commits that it replaces."""


@dataclass(frozen=True)
class Brought:
    """The first parent of each commit, and whom they name."""

    parents: dict[str, str]
    makers: tuple[Account, ...]


def commits_between(repo: "BaseRepo", base: str, head: str) -> Brought:
    """Those that `head` has and `base` has not; with an empty base all of them, as far as the copy reaches."""
    from dulwich.errors import MissingCommitError
    from dulwich.objects import ObjectID

    without = [ObjectID(base.encode())] if base else []
    parents: dict[str, str] = {}
    named: dict[str, None] = {}
    more: list[Account] = []
    try:
        for entry in islice(repo.get_walker([ObjectID(head.encode())], exclude=without), COMMITS_MAX + 1):
            if len(parents) == COMMITS_MAX:
                more.append(unnamed(f"the authors of all but {COMMITS_MAX:,} commits"))
                break
            commit = entry.commit
            parents[commit.id.decode()] = next((parent.decode() for parent in commit.parents), "")
            named |= dict.fromkeys(_named(commit))
    except (MissingCommitError, KeyError):
        more.append(unnamed("the authors of commits that the copy of the repository does not hold"))
    return Brought(parents, together((Account(kind=AccountKind.GIT_EMAIL, name=name) for name in named), more))


def _named(commit: "Commit") -> Iterator[str]:
    yield identity(commit.author)
    yield identity(commit.committer)
    yield from (identity(found) for found in _CO_AUTHOR.findall(commit.message))
