"""Commits, trees and what differs between them, read from git's objects with bounds; nothing is checked out."""

import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shared.adapters.git.sizes import read_object, size_of
from shared.application.changes.ports import RepositoryRefused, UnknownCommit
from shared.domain.changes.circuits import CommitFacts, pull_request_of

if TYPE_CHECKING:
    from dulwich.objects import Commit, ObjectID
    from dulwich.repo import BaseRepo

ENTRIES_MAX = 25_000
"""Files, links, submodules and directories below `config/` or `environment/`: 10,000 circuits and room."""

TREES_KNOWN_MAX = 500
TREE_BYTES_MAX = 8 * 1024 * 1024
COMMIT_BYTES_MAX = 1024 * 1024

BYTES_MAX = 128 * 1024 * 1024
DEPTH_MAX = 20
STEPS_MAX = 1_000
"""How far back the history of one change is looked at."""

ENTRIES_OF_STEP = 300
"""Of one step on average, in the directories that differ."""

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
        kind, content = read_object(repo, ObjectID(sha.encode()), COMMIT_BYTES_MAX)
    except (KeyError, ValueError, AssertionError):
        kind, content = 0, b""
    if kind != Commit.type_num:
        raise UnknownCommit(f"the repository has no commit {sha}")
    return Commit.from_string(content)


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
        author=identity(written.author),
        title=title[:TITLE_CHARS_MAX],
        pr_number=pull_request_of(title),
    )


def identity(author: bytes) -> str:
    """The e-mail address of `Name <address>`; the name without blanks where there is no address."""
    name, _, rest = author.decode("utf-8", errors="replace").partition("<")
    address = "".join(rest.partition(">")[0].split())
    return (address or "-".join(name.split()) or "unknown")[:TITLE_CHARS_MAX]


def subtree(repo: "BaseRepo", commit: "Commit | None", directory: str) -> "ObjectID | None":
    """The id of a top directory's tree, which names its whole content; None where there is no such directory."""
    if commit is None:
        return None
    mode, sha = _items(repo, commit.tree, {}).get(directory.encode(), (0, commit.tree))
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
        size += size_of(repo.object_store, sha)
        if size > bytes_max:
            limit = bytes_max // (1024 * 1024)
            raise RepositoryRefused(f"a directory has more than {limit} MiB: keep large files out of it")
        data = read_object(repo, sha, bytes_max)[1]
        if data.startswith(_LFS_POINTER):
            odd[path] = "a pointer of Git LFS, not the file"
            continue
        content[path] = data
    return Files(content, odd)


def _entries(repo: "BaseRepo", tree_id: "ObjectID | None") -> "Iterator[tuple[str, int, ObjectID]]":
    """All below a tree but directories, with mode and id. Raises RepositoryRefused."""
    for path, _, (mode, sha) in _differences(repo, None, tree_id, _Budget(ENTRIES_MAX)):
        yield path, mode, sha


@dataclass
class _Budget:
    """How many entries of trees may still be looked at: a tree of trees has few objects and any number of paths."""

    left: int
    trees: "dict[ObjectID, dict[bytes, _Item]]" = field(default_factory=dict)
    """Some that were read: where there are many paths, there are few trees."""

    def spend(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise RepositoryRefused(f"a directory has more than {ENTRIES_MAX:,} files and directories: split it")


_Item = tuple[int, "ObjectID"]
_NOTHING: Any = (0, b"")


def _differences(
    repo: "BaseRepo", old: "ObjectID | None", new: "ObjectID | None", budget: _Budget
) -> "Iterator[tuple[str, _Item, _Item]]":
    """Each path that differs below two trees with mode and id in both, (0, b"") where there is none; no directories.

    Raises RepositoryRefused when it is too much.
    """
    waiting = [("", old, new)]
    while waiting:
        above, left, right = waiting.pop()
        if above.count("/") >= DEPTH_MAX:
            raise RepositoryRefused(f"directory {above} is nested too deeply: {DEPTH_MAX} levels are the most")
        before, after = (_items(repo, each, budget.trees) for each in (left, right))
        budget.spend(max(len(before), len(after)))
        for name in sorted(before.keys() | after.keys()):
            one, two = before.get(name, _NOTHING), after.get(name, _NOTHING)
            if one == two:
                continue
            path = above + _shown(name)
            folder, other = _folder(one), _folder(two)
            if folder or other:
                waiting.append((f"{path}/", folder, other))
            file, other_file = _NOTHING if folder else one, _NOTHING if other else two
            if file != other_file:
                yield path, file, other_file


def _folder(item: "_Item") -> "ObjectID | None":
    return item[1] if stat.S_ISDIR(item[0]) else None


def _items(
    repo: "BaseRepo", tree_id: "ObjectID | None", known: "dict[ObjectID, dict[bytes, _Item]]"
) -> "dict[bytes, _Item]":
    """Mode and id of each entry of one tree, by name. Raises RepositoryRefused."""
    if tree_id is None or tree_id in known:
        return known[tree_id] if tree_id else {}
    from dulwich.objects import Tree

    kind, content = read_object(repo, tree_id, TREE_BYTES_MAX)
    if kind != Tree.type_num:
        raise RepositoryRefused("a directory of the commit is no tree: repair the repository")
    items = {name: (mode, sha) for name, mode, sha in Tree.from_string(content).items()}
    if len(known) < TREES_KNOWN_MAX:
        known[tree_id] = items
    return items


def changed_files(repo: "BaseRepo", old: "ObjectID | None", new: "ObjectID | None") -> list[FileChange]:
    """What differs between two trees, with renames from 60 % of similarity on (git: 50 %); paths are below them."""
    from dulwich.diff_tree import RenameDetector, tree_changes

    if old == new:
        return []
    store = repo.object_store
    for _ in _differences(repo, old, new, _Budget(ENTRIES_MAX)):
        pass  # what follows has no bounds of its own
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

    A change that waited for a later one keeps its own pull request and author that way. Beyond STEPS_MAX commits, or
    too many entries of trees, it is `head`.
    """
    pending = set(paths)
    budget = _Budget(STEPS_MAX * ENTRIES_OF_STEP)
    found: dict[str, CommitFacts] = {}
    commit: Commit | None = head
    for _ in range(STEPS_MAX):
        if not pending or commit is None:
            break
        parent = _first_parent(repo, commit)
        old, new = subtree(repo, parent, directory), subtree(repo, commit, directory)
        if old != new:
            try:
                touched = {path for path, _, _ in _differences(repo, old, new, budget) if path in pending}
            except RepositoryRefused:  # what a commit in between held is no reason to refuse what is there now
                break
            if touched:
                found |= dict.fromkeys(touched, facts_of(repo, commit))
                pending -= touched
        commit = parent
    return {**dict.fromkeys(pending, facts_of(repo, head)), **found} if pending else found


def _first_parent(repo: "BaseRepo", commit: "Commit") -> "Commit | None":
    """None at the first commit, and where a copy of a repository ends (`--depth`)."""
    if not commit.parents or commit.parents[0] not in repo.object_store:
        return None
    return commit_at(repo, commit.parents[0].decode())
