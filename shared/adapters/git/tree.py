"""Commits, trees and what differs between them, read from git's objects with bounds; nothing is checked out."""

import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.application.changes.ports import RepositoryRefused, UnknownCommit
from shared.domain.changes.circuits import CommitFacts, pull_request_of

if TYPE_CHECKING:
    from dulwich.objects import Commit, ObjectID
    from dulwich.repo import BaseRepo

FILES_MAX = 25_000
"""Files below `config/` or `environment/`: 10,000 circuits and room."""

BYTES_MAX = 128 * 1024 * 1024
DEPTH_MAX = 20
STEPS_MAX = 1_000
"""How far back the history of one change is looked at."""

TITLE_CHARS_MAX = 200

_LFS_POINTER = b"version https://git-lfs.github.com/spec/"
"""How each pointer begins (specification of Git LFS); the oldest name hawser instead, and nobody writes them."""


@dataclass(frozen=True)
class FileChange:
    """One file that differs: `old` is empty for a new one, `new` for one that is gone; a renamed one has both."""

    old: str
    new: str


@dataclass(frozen=True)
class Files:
    """The regular files below a directory, by their path in it; `odd` says of all others what they are."""

    content: Mapping[str, bytes]
    odd: Mapping[str, str]


def commit_at(repo: "BaseRepo", sha: str) -> "Commit":
    """The commit. Raises UnknownCommit."""
    from dulwich.objects import Commit, ObjectID

    try:
        found = repo.object_store[ObjectID(sha.encode())]
    except (KeyError, ValueError, AssertionError):
        found = None
    if not isinstance(found, Commit):
        raise UnknownCommit(f"the repository has no commit {sha}")
    return found


def has_commit(repo: "BaseRepo", sha: str) -> bool:
    """Whether the repository has the commit."""
    try:
        commit_at(repo, sha)
    except UnknownCommit:
        return False
    return True


def is_ancestor(repo: "BaseRepo", older: str, newer: str) -> bool:
    """Whether `newer` contains `older`; false when the repository does not have both."""
    from dulwich.graph import can_fast_forward
    from dulwich.objects import ObjectID

    if not (has_commit(repo, older) and has_commit(repo, newer)):
        return False
    return can_fast_forward(repo, ObjectID(older.encode()), ObjectID(newer.encode()))


def facts_of(repo: "BaseRepo", commit: "Commit") -> CommitFacts:
    """Author, first line and pull request. Who merges is not who wrote: a merge names the author of what it brings."""
    written = commit
    if len(commit.parents) > 1 and commit.parents[1] in repo.object_store:
        written = commit_at(repo, commit.parents[1].decode())
    title = commit.message.decode("utf-8", errors="replace").strip().partition("\n")[0].strip()
    return CommitFacts(
        commit=commit.id.decode(),
        author=_identity(written.author),
        title=title[:TITLE_CHARS_MAX],
        pr_number=pull_request_of(title),
    )


def _identity(author: bytes) -> str:
    """The e-mail address of `Name <address>`; the name without blanks where there is no address."""
    name, _, rest = author.decode("utf-8", errors="replace").partition("<")
    address = "".join(rest.partition(">")[0].split())
    return (address or "-".join(name.split()) or "unknown")[:TITLE_CHARS_MAX]


def subtree(repo: "BaseRepo", commit: "Commit | None", directory: str) -> "ObjectID | None":
    """The id of a top directory's tree, which names its whole content; None where there is no such directory."""
    if commit is None:
        return None
    from dulwich.objects import Tree

    tree = repo.object_store[commit.tree]
    name = directory.encode()
    if not isinstance(tree, Tree) or name not in tree:
        return None
    mode, sha = tree[name]
    return sha if stat.S_ISDIR(mode) else None


def files_below(repo: "BaseRepo", tree_id: "ObjectID | None", *, bytes_max: int = BYTES_MAX) -> Files:
    """Everything below a tree. Raises RepositoryRefused when it is too much."""
    content: dict[str, bytes] = {}
    odd: dict[str, str] = {}
    size = 0
    for path, mode, sha in _entries(repo, tree_id):
        if not stat.S_ISREG(mode):
            odd[path] = "a symbolic link or a submodule"
            continue
        data = repo.object_store.get_raw(sha)[1]
        size += len(data)
        if len(content) >= FILES_MAX or size > bytes_max:
            limits = f"{FILES_MAX:,} files and {bytes_max // (1024 * 1024)} MiB"
            raise RepositoryRefused(f"a directory has more than {limits}: keep large files out of it")
        if data.startswith(_LFS_POINTER):
            odd[path] = "a pointer of Git LFS, not the file"
            continue
        content[path] = data
    return Files(content, odd)


def _entries(repo: "BaseRepo", tree_id: "ObjectID | None", above: str = "") -> "Iterator[tuple[str, int, ObjectID]]":
    if tree_id is None:
        return
    from dulwich.objects import Tree

    tree = repo.object_store[tree_id]
    if not isinstance(tree, Tree) or above.count("/") >= DEPTH_MAX:
        raise RepositoryRefused(f"directory {above or 'of the commit'} is no tree, or is nested too deeply")
    for name, mode, sha in tree.items():
        path = above + _shown(name)
        if stat.S_ISDIR(mode):
            yield from _entries(repo, sha, f"{path}/")
        else:
            yield path, mode, sha


def changed_files(repo: "BaseRepo", old: "ObjectID | None", new: "ObjectID | None") -> list[FileChange]:
    """What differs between two trees, renames found by similarity as git does; paths are relative to the trees."""
    from dulwich.diff_tree import RenameDetector, tree_changes

    if old == new:
        return []
    store = repo.object_store
    if old is None or new is None:
        there = [path for path, _, _ in _entries(repo, new or old)]
        return [FileChange("", path) if new else FileChange(path, "") for path in there]
    changes = tree_changes(store, old, new, rename_detector=RenameDetector(store, rewrite_threshold=None))
    return [FileChange(_path(change.old), _path(change.new)) for change in changes]


def _path(entry: object) -> str:
    path = getattr(entry, "path", None)
    return _shown(path) if path else ""


def _shown(path: bytes) -> str:
    return path.decode("utf-8", errors="backslashreplace")


def origins(repo: "BaseRepo", head: "Commit", directory: str, paths: Iterable[str]) -> dict[str, CommitFacts]:
    """For each path below `directory`, the commit of the branch that changed it last, along first parents.

    A change that waited for a later one keeps its own pull request and author that way. Beyond STEPS_MAX it is `head`.
    """
    pending = set(paths)
    found: dict[str, CommitFacts] = {}
    commit: Commit | None = head
    for _ in range(STEPS_MAX):
        if not pending or commit is None:
            break
        parent = _first_parent(repo, commit)
        old, new = subtree(repo, parent, directory), subtree(repo, commit, directory)
        if old != new:
            touched = {path for path in _plain_changes(repo, old, new) if path in pending}
            if touched:
                found |= dict.fromkeys(touched, facts_of(repo, commit))
                pending -= touched
        commit = parent
    return {**dict.fromkeys(pending, facts_of(repo, head)), **found} if pending else found


def _plain_changes(repo: "BaseRepo", old: "ObjectID | None", new: "ObjectID | None") -> Iterator[str]:
    """Paths that differ, without a look for renames."""
    from dulwich.diff_tree import tree_changes

    if old is None or new is None:
        yield from (path for path, _, _ in _entries(repo, new or old))
        return
    for change in tree_changes(repo.object_store, old, new):
        yield from {_path(change.old), _path(change.new)} - {""}


def _first_parent(repo: "BaseRepo", commit: "Commit") -> "Commit | None":
    """None at the first commit, and where a copy of a repository ends (`--depth`)."""
    if not commit.parents or commit.parents[0] not in repo.object_store:
        return None
    return commit_at(repo, commit.parents[0].decode())
