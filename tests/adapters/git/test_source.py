"""The configured branch, fetched from a path and over HTTP into a bare copy, within limits."""

import asyncio
import base64
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from shared.adapters.git.cache import GitCache, GitLimits
from shared.adapters.git.source import GitSource
from shared.application.changes.ports import Found, RepositoryRefused, UnknownCommit
from shared.application.errors import TransientFault
from shared.domain.changes.record import ChangeClaim
from tests.support.repositories import Project

TOKEN = "a-token-of-the-test"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.with_fleet(tmp_path / "project")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def source_of(url: object, cache: Path, *, branch: str = "main", **limits: Any) -> GitSource:
    return GitSource(GitCache(str(url), branch, token=TOKEN, directory=cache, limits=GitLimits(**limits)))


def claim(commit: str, **more: Any) -> ChangeClaim:
    return ChangeClaim(commit=commit, branch="main", source="github", **more)


async def base_of(source: GitSource, head: str, *, taken: str = "", claimed: str = "") -> str:
    """What `head` is compared with."""
    found = await source.find(claim(head, base=claimed), taken=taken)
    assert found is not None
    assert found.head.commit == head
    return found.base


def files(cache: Path, pattern: str = "*") -> list[Path]:
    return sorted(cache.rglob(pattern))


async def test_a_change_is_compared_with_what_was_taken_last(project: Project, cache: Path) -> None:
    """Not with its own parent: what lies between was not taken."""
    source = source_of(project.root, cache)
    taken = project.head()
    project.cutoff("2025-12-20")
    project.commit("Not taken")
    project.cutoff("2025-12-20", "P002", "C001")
    head = project.commit("To be taken")

    found = await source.find(claim(head), taken=taken)

    assert found is not None
    assert found.base == taken
    assert len(found.circuits) == 2


async def test_before_anything_was_taken_the_claim_counts_if_it_can_be_true(project: Project, cache: Path) -> None:
    """An ancestor; otherwise it is the first parent."""
    source = source_of(project.root, cache)
    first = project.head()
    project.write("README.md", "2\n")
    second = project.commit("Second")
    project.write("README.md", "3\n")
    head = project.commit("Third")
    project.branch("aside")
    project.write("README.md", "aside\n")
    aside = project.commit("Aside")

    assert await base_of(source, head, claimed=first) == first
    assert await base_of(source, head) == second
    assert await base_of(source, head, claimed=aside) == second
    assert await base_of(source, head, claimed=head) == second
    assert await base_of(source, head, claimed="0" * 40) == second
    assert await base_of(source, first) == ""


async def test_what_was_taken_with_a_later_change_is_not_found_again(project: Project, cache: Path) -> None:
    source = source_of(project.root, cache)
    earlier = project.head()
    project.write("README.md", "2\n")
    later = project.commit("Later")

    assert await source.find(claim(earlier), taken=later) is None
    assert await source.find(claim(later), taken=later) is None


async def test_a_commit_off_the_branch_is_unknown_whatever_a_webhook_claims(project: Project, cache: Path) -> None:
    """An open pull request's commit is in the repository, and trains nothing."""
    source = source_of(project.root, cache)
    project.branch("topic")
    project.cutoff("2025-12-20")
    topic = project.commit("Not reviewed")
    for commit in (topic, "0" * 40):
        with pytest.raises(UnknownCommit):
            await source.find(claim(commit), taken="")


async def found_by(source: GitSource, change: ChangeClaim, *, taken: str = "") -> Found:
    found = await source.find(change, taken=taken)
    assert found is not None
    return found


def circuits(found: Found) -> list[str]:
    return [f"{each.change.plant_id}/{each.change.circuit_id}" for each in found.circuits]


async def test_after_history_was_rewritten_all_that_differs_from_what_was_taken_counts(
    project: Project, cache: Path
) -> None:
    """A rewritten commit, a new one, and one that was dropped: none is lost, and people are told."""
    source = source_of(project.root, cache)
    first = project.head()
    project.cutoff("2025-12-15")
    project.commit("Will be rewritten")
    project.cutoff("2025-12-15", "P001", "C002")
    taken = project.commit("Will be dropped")
    await base_of(source, taken, claimed=first)
    project.git("reset", "--quiet", "--hard", first)
    project.cutoff("2025-12-20")
    project.commit("Rewritten")
    project.cutoff("2025-12-20", "P002", "C001")
    head = project.commit("New")

    found = await found_by(source, claim(head, base=taken, forced=True), taken=taken)

    assert circuits(found) == ["P001/C001", "P001/C002", "P002/C001"]
    assert found.base == taken
    assert found.notes == (
        f"history was rewritten: {taken} is no longer part of the branch; what differs from it counts",
    )


async def test_a_branch_that_was_wound_back_is_compared_with_what_was_taken(project: Project, cache: Path) -> None:
    """Its head is older than what was taken, and is no part of a later change."""
    source = source_of(project.root, cache)
    first = project.head()
    project.cutoff("2025-12-15")
    taken = project.commit("Will be dropped")
    await base_of(source, taken, claimed=first)
    project.git("reset", "--quiet", "--hard", first)

    found = await found_by(source, claim(first, base=taken, forced=True), taken=taken)

    assert circuits(found) == ["P001/C001"]


@pytest.mark.parametrize("lost_with", ["taken", "claim"])
async def test_where_rewritten_history_is_gone_people_are_told_what_was_not_compared(
    project: Project, cache: Path, lost_with: str
) -> None:
    """A fresh copy of the repository does not have it."""
    first = project.head()
    project.cutoff("2025-12-20")
    head = project.commit("Rewritten")
    gone = "d" * 40

    found = await found_by(
        source_of(project.root, cache),
        claim(head, base=gone, forced=True),
        taken=gone if lost_with == "taken" else "",
    )

    assert found.base == first
    assert [f"history was rewritten and {gone} cannot be read any more" in note for note in found.notes] == [True]


async def test_every_commit_of_a_first_rebased_pull_request_counts(project: Project, cache: Path) -> None:
    """Nothing was taken yet, and the webhook of the pull request knows only what the branch had before."""
    source = source_of(project.root, cache)
    before = project.head()
    for plant, circuit in (("P001", "C001"), ("P002", "C001")):
        project.cutoff("2025-12-20", plant, circuit)
        project.commit(f"{plant}/{circuit}")
    project.write("README.md", "2\n")
    head = project.commit("Last of three")

    found = await found_by(source, claim(head, since=before, pr_number="PR-17"))

    assert circuits(found) == ["P001/C001", "P002/C001"]
    assert (await found_by(source, claim(head))).is_empty, "without the webhook's word it is the last commit only"


async def test_everything_in_a_new_branch_counts(project: Project, cache: Path) -> None:
    source = source_of(project.root, cache)
    project.cutoff("2025-12-20")
    head = project.commit("Second of the first push")

    found = await found_by(source, claim(head, is_first=True))

    assert circuits(found) == ["P001/C001", "P001/C002", "P002/C001"]
    assert found.notes[0] == "the branch is new: everything in it counts"


async def test_a_second_fetch_brings_only_what_is_new(project: Project, cache: Path) -> None:
    """And a process that was killed in between left a copy that can be used, or is made anew."""
    project.write("large.bin", bytes(range(256)) * 2000)
    first = project.commit("Large")
    await base_of(source_of(project.root, cache), first)
    packs = files(cache, "*.pack")
    project.write("README.md", "2\n")
    second = project.commit("Small")

    await base_of(source_of(project.root, cache, fetch_bytes_max=20_000_000), second)

    (added,) = set(files(cache, "*.pack")) - set(packs)
    assert added.stat().st_size < 2000
    (head,) = files(cache, "HEAD")
    head.unlink()
    assert await base_of(source_of(project.root, cache), second) == first


async def test_fetching_what_is_there_already_leaves_no_files_behind(project: Project, cache: Path) -> None:
    source = source_of(project.root, cache)
    await base_of(source, project.head())
    before = files(cache)
    await base_of(source, project.head())
    assert files(cache) == before


async def test_a_repository_that_sends_too_much_is_refused_and_not_kept(project: Project, cache: Path) -> None:
    """It is refused for good: trying again would bring as much again."""
    project.write("huge.bin", os.urandom(300_000))
    head = project.commit("Huge")

    with pytest.raises(RepositoryRefused, match=r"more than 0.0953674 MiB"):
        await source_of(project.root, cache, fetch_bytes_max=100_000).find(claim(head), taken="")

    assert files(cache, "*.pack") == []


async def test_a_fetch_ends_at_its_deadline(project: Project, cache: Path) -> None:
    with pytest.raises(TransientFault, match="not fetched within"):
        await source_of(project.root, cache, deadline_s=0.0).find(claim(project.head()), taken="")


@pytest.mark.parametrize(("name", "branch"), [("nothing", "main"), ("project", "release")])
async def test_what_is_not_there_is_refused(
    tmp_path: Path, project: Project, cache: Path, name: str, branch: str
) -> None:
    with pytest.raises(RepositoryRefused):
        await source_of(tmp_path / name, cache, branch=branch).find(claim(project.head()), taken="")


async def test_many_at_once_on_one_copy_do_not_disturb_each_other(project: Project, cache: Path) -> None:
    """As several processes on one machine would."""
    sources = [source_of(project.root, cache) for _ in range(4)]
    head = project.head()
    assert await asyncio.gather(*(base_of(source, head) for source in sources)) == ["", "", "", ""]


@pytest.fixture
def served(project: Project) -> Iterator[Callable[[int], str]]:
    """The project over HTTP, as git itself serves it to whoever has the TOKEN as the password; the function sets the
    status of further answers, 200 to serve."""
    status = [200]
    credentials = base64.b64encode(f"x:{TOKEN}".encode()).decode()

    def app(environ: Any, start: Any) -> Any:
        if status[0] != 200:
            start(f"{status[0]} As the test said", [])
            return [b""]
        if environ.get("HTTP_AUTHORIZATION") != f"Basic {credentials}":
            start("401 Unauthorized", [("WWW-Authenticate", "Basic")])
            return [b""]
        headers, body = git_http(project.root.parent, environ)
        start(headers.pop("Status", "200 OK"), list(headers.items()))
        return [body]

    with make_server("127.0.0.1", 0, app, handler_class=_Silent) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()

        def answering(code: int) -> str:
            status[0] = code
            return f"http://127.0.0.1:{server.server_port}/project/.git"

        yield answering
        server.shutdown()
        thread.join()


def git_http(root: Path, environ: Any) -> tuple[dict[str, str], bytes]:
    """One answer of `git http-backend`, which speaks CGI."""
    passed = ("PATH_INFO", "QUERY_STRING", "REQUEST_METHOD", "CONTENT_TYPE", "CONTENT_LENGTH")
    variables = {name: environ[name] for name in passed if name in environ}
    variables |= {"GIT_PROJECT_ROOT": str(root), "GIT_HTTP_EXPORT_ALL": "1", "PATH": os.environ["PATH"]}
    variables |= {"GIT_PROTOCOL": environ.get("HTTP_GIT_PROTOCOL", ""), "GIT_CONFIG_GLOBAL": os.devnull}
    sent = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    done = subprocess.run(["git", "http-backend"], input=sent, env=variables, capture_output=True, check=True)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    return dict(line.split(": ", 1) for line in head.decode().splitlines()), body


class _Silent(WSGIRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        """Says nothing."""


async def test_a_repository_is_read_over_http_with_its_token(
    project: Project, cache: Path, served: Callable[[int], str]
) -> None:
    """First all of it, then what is new."""
    source = source_of(served(200), cache)
    first = project.head()
    assert await base_of(source, first) == ""
    project.cutoff("2025-12-20")
    second = project.commit("More")
    assert await base_of(source, second) == first


async def test_without_the_token_nothing_is_read(project: Project, cache: Path, served: Callable[[int], str]) -> None:
    source = GitSource(GitCache(served(200), "main", token="another", directory=cache))
    with pytest.raises(RepositoryRefused):
        await source.find(claim(project.head()), taken="")


@pytest.mark.parametrize(
    ("status", "kind"),
    [(403, RepositoryRefused), (404, RepositoryRefused), (500, TransientFault), (503, TransientFault)],
)
async def test_an_answer_that_may_change_is_asked_for_again(
    project: Project, cache: Path, served: Callable[[int], str], status: int, kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        await source_of(served(status), cache).find(claim(project.head()), taken="")


async def test_a_server_that_is_not_there_is_a_transient_fault(cache: Path) -> None:
    """Port 9 of this machine: nobody listens."""
    with pytest.raises(TransientFault):
        await source_of("http://127.0.0.1:9/project", cache).find(claim("0" * 40), taken="")
