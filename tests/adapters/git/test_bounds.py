"""What a hostile repository or server may cost: bounded before it is paid."""

import os
import socket
import subprocess
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from hashlib import sha1
from io import BytesIO
from pathlib import Path

import pytest
from dulwich.objects import Blob, Commit, ObjectID, Tree
from dulwich.repo import BaseRepo, MemoryRepo, Repo

from shared.adapters.git.cache import GitCache, GitLimits
from shared.adapters.git.changes import find_changes
from shared.adapters.git.sizes import OBJECT_BYTES_MAX, OBJECTS_MAX, check_pack, size_of
from shared.adapters.git.tree import COMMIT_BYTES_MAX, ENTRIES_MAX, commit_at, files_below, subtree
from shared.application.changes.ports import RepositoryRefused, UnknownCommit
from shared.application.errors import TransientFault
from tests.support.repositories import Project

LINK, FOLDER, FILE = 0o120000, 0o40000, 0o100644


@pytest.fixture(params=["disk", "memory"])
def repo(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BaseRepo]:
    if request.param == "memory":
        yield MemoryRepo()
        return
    with Repo.init(str(tmp_path), mkdir=False) as opened:
        yield opened


def added(repo: BaseRepo, entries: dict[str, tuple[int, ObjectID]]) -> ObjectID:
    tree = Tree()
    for name, (mode, sha) in entries.items():
        tree.add(name.encode(), mode, sha)
    repo.object_store.add_object(tree)
    return tree.id


def blob(repo: BaseRepo, content: bytes) -> ObjectID:
    made = Blob.from_string(content)
    repo.object_store.add_object(made)
    return made.id


def bomb(repo: BaseRepo, width: int, depth: int, leaf: dict[str, tuple[int, ObjectID]] | None = None) -> ObjectID:
    """A tree with `width` ** `depth` paths, made of `depth` objects."""
    tree = added(repo, leaf or {})
    for _ in range(depth):
        tree = added(repo, {str(n): (FOLDER, tree) for n in range(width)})
    return tree


def commit(repo: BaseRepo, tree: ObjectID, *parents: ObjectID, message: bytes = b"x") -> str:
    made = Commit()
    made.tree, made.parents, made.message = tree, list(parents), message
    made.author = made.committer = b"A <a@example.com>"
    made.author_time = made.commit_time = made.author_timezone = made.commit_timezone = 0
    repo.object_store.add_object(made)
    return made.id.decode()


# Trees


@pytest.mark.parametrize("what", ["directories", "links", "submodules", "files"])
def test_every_entry_of_a_tree_counts_whatever_it_is(repo: BaseRepo, what: str) -> None:
    """A million paths of seven small objects; each alone would be fine."""
    leaf = {
        "directories": {},
        "links": {"l": (LINK, blob(repo, b"/etc/passwd"))},
        "submodules": {"s": (0o160000, ObjectID(b"1" * 40))},
        "files": {"f": (FILE, blob(repo, b""))},
    }[what]
    tree = bomb(repo, 10, 6, leaf)

    begun = time.process_time()
    with pytest.raises(RepositoryRefused, match=f"more than {ENTRIES_MAX:,} files and directories"):
        files_below(repo, tree)
    assert time.process_time() - begun < 15


def test_directories_without_end_are_refused(repo: BaseRepo) -> None:
    with pytest.raises(RepositoryRefused, match="nested too deeply"):
        files_below(repo, bomb(repo, 1, 30))


@pytest.mark.parametrize("directory", ["config", "environment"])
@pytest.mark.parametrize("repo", ["disk"], indirect=True)
def test_neither_side_of_a_change_is_walked_without_end(repo: BaseRepo, directory: str) -> None:
    empty, full = added(repo, {}), bomb(repo, 10, 6)
    first = commit(repo, empty)
    second = commit(repo, added(repo, {directory: (FOLDER, full)}), ObjectID(first.encode()))
    third = commit(repo, empty, ObjectID(second.encode()))

    for base, head in ((first, second), (second, third), ("", second)):
        with pytest.raises(RepositoryRefused):
            find_changes(repo, base, head)


def test_what_a_commit_in_between_held_refuses_no_later_change(tmp_path: Path) -> None:
    """It is merged, told, and taken out again: later changes are found, and named by the commit that brings them."""
    project = Project.with_fleet(tmp_path / "project")
    base = project.head()
    project.cutoff("2025-12-20")
    project.commit("Later data (#7)")
    with Repo(str(project.root)) as repo:
        whole = repo[project.head().encode()]
        assert isinstance(whole, Commit)
        held = commit(repo, added(repo, {"config": (FOLDER, bomb(repo, 10, 6))}), whole.id)
        head = commit(repo, whole.tree, ObjectID(held.encode()), message=b"Take it out")

        (circuit,) = find_changes(repo, base, head).circuits

    assert circuit.origin.title == "Take it out"


# Sizes


def test_a_size_is_known_from_every_form_an_object_has(tmp_path: Path) -> None:
    """Loose, packed whole, and packed as a delta, which git makes of similar files."""
    project = Project.with_fleet(tmp_path / "project")
    text = os.urandom(30_000).hex()
    for number in range(5):
        project.write("big.txt", text + "x" * number)
        project.commit(f"{number}")
    for packed in (False, True):
        if packed:
            project.git("repack", "-adf", "--depth=10")
        with Repo(str(project.root)) as repo:
            shas = [
                ObjectID(line.split()[0].encode())
                for line in project.git("rev-list", "--objects", "--all").splitlines()
            ]
            for sha in shas:
                length = len(repo.object_store.get_raw(sha)[1])
                assert length <= size_of(repo.object_store, sha) <= max(length, 60_010)
    deltas = project.git("verify-pack", "-v", *map(str, project.root.glob(".git/objects/pack/*.idx")))
    assert "chain length = 1:" in deltas


def test_an_object_of_a_linked_store_has_a_size_too(tmp_path: Path) -> None:
    project = Project.with_fleet(tmp_path / "project")
    subprocess.run(
        ["git", "clone", "--quiet", "--shared", str(project.root), str(tmp_path / "clone")],
        check=True,
        capture_output=True,
    )
    with Repo(str(tmp_path / "clone")) as repo:
        assert size_of(repo.object_store, ObjectID(project.head().encode())) > 0
        with pytest.raises(KeyError):
            size_of(repo.object_store, ObjectID(b"1" * 40))


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_that_would_become_too_large_is_refused_before_it_does(tmp_path: Path, packed: bool) -> None:
    project = Project.with_fleet(tmp_path / "project")
    project.write("config/huge.yml", b"\0" * (OBJECT_BYTES_MAX + 1))
    project.commit("Huge")
    if packed:
        project.git("repack", "-ad")
    with Repo(str(project.root)) as repo:
        tree = subtree(repo, commit_at(repo, project.head()), "config")
        tracemalloc.start()
        with pytest.raises(RepositoryRefused, match="keep large files out"):
            files_below(repo, tree)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert peak < 8 * 1024 * 1024


def test_files_count_together(repo: BaseRepo) -> None:
    files = {str(n): (FILE, blob(repo, bytes([n]) * 400)) for n in range(3)}

    assert len(files_below(repo, added(repo, files), bytes_max=1200).content) == 3
    with pytest.raises(RepositoryRefused, match="a directory has more than"):
        files_below(repo, added(repo, files), bytes_max=1199)


def test_a_commit_with_an_endless_message_is_refused(repo: BaseRepo) -> None:
    with pytest.raises(RepositoryRefused):
        commit_at(repo, commit(repo, added(repo, {}), message=b"x" * COMMIT_BYTES_MAX))


def test_what_is_no_commit_is_unknown(repo: BaseRepo) -> None:
    with pytest.raises(UnknownCommit):
        commit_at(repo, blob(repo, b"x").decode())


# Packs


def entry(kind: int, size: int, content: bytes, base: bytes = b"") -> bytes:
    """One object of a pack, whose header says that it becomes `size` bytes."""
    first, size = kind << 4 | size & 15, size >> 4
    head = []
    while size:
        head.append(first | 0x80)
        first, size = size & 0x7F, size >> 7
    return bytes([*head, first]) + base + zlib.compress(content)


def number(value: int) -> bytes:
    """A size in a delta."""
    head = []
    while value >> 7:
        head.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*head, value])


def pack(*entries: bytes, count: int | None = None) -> bytes:
    body = b"PACK" + (2).to_bytes(4, "big") + (len(entries) if count is None else count).to_bytes(4, "big")
    body += b"".join(entries)
    return body + sha1(body, usedforsecurity=False).digest()


HOSTILE = {
    "a large object": pack(entry(3, 1, b"x"), entry(3, OBJECT_BYTES_MAX + 1, b"x")),
    "a delta that makes one": pack(
        entry(3, 1, b"x"), entry(7, 10, number(1) + number(1 << 40) + b"\x91\0\1", b"1" * 20)
    ),
    "a delta of one": pack(entry(7, 10, number(1 << 40) + number(1) + b"\x91\0\1", b"1" * 20)),
    "many objects": pack(count=OBJECTS_MAX + 1),
}


@pytest.mark.parametrize("sent", HOSTILE.values(), ids=HOSTILE)
def test_a_pack_whose_headers_are_too_much_is_refused(sent: bytes) -> None:
    with pytest.raises(RepositoryRefused):
        check_pack(BytesIO(sent))


@pytest.mark.parametrize("cut", range(0, 60, 3))
def test_what_is_no_pack_is_left_to_whoever_reads_it(cut: int) -> None:
    whole = pack(entry(3, 5, b"hello"), entry(6, 4, b"\5\5\x90\5", b"\x0d"), entry(3, 1, b"longer than it says"))

    check_pack(BytesIO(whole[:cut]))


def test_a_fetch_of_a_large_object_is_refused_and_not_kept(tmp_path: Path) -> None:
    """Wherever in the repository it is: indexing the pack would inflate it."""
    project = Project.with_fleet(tmp_path / "project")
    project.write("data.bin", b"\0" * (OBJECT_BYTES_MAX + 1))
    project.commit("Huge")
    cache = GitCache(str(project.root), "main", directory=tmp_path / "cache")

    with pytest.raises(RepositoryRefused, match="an object is larger than 128 MiB"), cache.fetched():
        pass
    assert list((tmp_path / "cache").rglob("*.pack")) == []


# Servers

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\nConnection: close\r\n\r\n"


def line(text: bytes) -> bytes:
    return b"%04x" % (len(text) + 4) + text


@pytest.fixture
def server() -> Iterator[Callable[[Iterator[bytes]], str]]:
    """Answers one request with the pieces it is given; returns its address."""
    listening = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()
    threads: list[threading.Thread] = []

    def serve(pieces: Iterator[bytes]) -> str:
        def answer() -> None:
            caller, _ = listening.accept()
            with caller:
                caller.recv(65_536)
                try:
                    for piece in pieces:
                        caller.sendall(piece)
                        if ended.is_set():
                            break
                except OSError:
                    pass  # the client left

        threads.append(threading.Thread(target=answer))
        threads[-1].start()
        return f"http://127.0.0.1:{listening.getsockname()[1]}/x"

    yield serve
    ended.set()
    for each in threads:
        each.join()
    listening.close()


def fetch(url: str, directory: Path, **limits: float) -> None:
    with GitCache(url, "main", directory=directory, limits=GitLimits(**limits)).fetched():  # type: ignore[arg-type]
        pass


def test_a_list_of_branches_without_end_is_counted(server: Callable[[Iterator[bytes]], str], tmp_path: Path) -> None:
    def endless() -> Iterator[bytes]:
        yield HEAD + line(b"# service=git-upload-pack\n") + b"0000"
        while True:
            yield line(b"1" * 40 + b" refs/heads/" + os.urandom(20).hex().encode() + b"\n") * 100

    with pytest.raises(RepositoryRefused, match=r"sends more than 0\.25 MiB: delete branches"):
        fetch(server(endless()), tmp_path, refs_bytes_max=256 * 1024)


@pytest.mark.parametrize("begin", [HEAD + b"fff0", b"HTTP/1.1 200 OK\r\nX: ", b"HTT"], ids=["list", "head", "status"])
def test_an_answer_that_drips_is_timed(server: Callable[[Iterator[bytes]], str], tmp_path: Path, begin: bytes) -> None:
    """Each byte comes well within the longest silence, and none of them completes a line."""

    def dripping() -> Iterator[bytes]:
        yield begin
        ticks = threading.Event()
        while True:
            ticks.wait(0.05)
            yield b"x"

    begun = time.monotonic()
    with pytest.raises(TransientFault):
        fetch(server(dripping()), tmp_path, deadline_s=1.0)
    assert time.monotonic() - begun < 10
