"""What lies between two commits of a git repository on this machine, such as a pipeline's checkout."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from shared.adapters.git.changes import find_changes
from shared.application.changes.ports import Found, RepositoryRefused, UnknownCommit

if TYPE_CHECKING:
    from dulwich.repo import Repo


_STEPS = re.compile(r"(.+?)((?:[~^][0-9]{0,4})*)")


class LocalRepositoryError(Exception):
    """There is no such repository, or it has no such commit; the text says what to do."""


def changes_between(directory: Path, base: str, head: str) -> Found:
    """The changes from `base` to `head`, each a branch, tag, commit or expression such as `HEAD~1`.

    Nothing is fetched. Raises LocalRepositoryError.
    """
    from dulwich.errors import NotGitRepository
    from dulwich.repo import Repo

    try:
        found = Repo.discover(str(directory))
    except NotGitRepository as error:
        raise LocalRepositoryError(f"{directory} is not in a git repository: give its directory with --repo") from error
    with found as repo:
        try:
            return find_changes(repo, _commit(repo, base), _commit(repo, head))
        except (UnknownCommit, RepositoryRefused) as error:
            raise LocalRepositoryError(str(error)) from error


def _commit(repo: "Repo", text: str) -> str:
    from dulwich.objects import Commit
    from dulwich.objectspec import parse_commit, parse_object

    match = _STEPS.fullmatch(text)
    name, steps = match.groups() if match else (text, "")
    try:
        if not name:
            raise ValueError("no name")
        start = parse_commit(repo, name).id.decode()
        found = parse_object(repo, start + steps)
        if not isinstance(found, Commit):
            raise ValueError(f"{text} is no commit")
        return str(found.id.decode())
    except (KeyError, ValueError) as error:
        raise LocalRepositoryError(f"{text!r} is no commit here: fetch it first, or correct it") from error
