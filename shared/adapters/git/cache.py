"""A bare copy of one branch of a remote git repository in a local directory: fetched in-process, bounded, kept.

Library: dulwich, which is git in Python: the function app's image has no git. What a fetch may cost is limited in bytes
on the wire and in time; both are looked at with every piece that arrives. Remotes are http(s), or a local path.
"""

import fcntl
import hashlib
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import SEEK_END
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

from shared.adapters.git.sizes import check_pack
from shared.application.changes.ports import RepositoryRefused
from shared.application.errors import TransientFault

if TYPE_CHECKING:
    from dulwich.client import GitClient
    from dulwich.repo import Repo

READ_TIMEOUT_S = 30.0
"""The longest silence of a remote."""

_ANY_USER = "x"
"""GitHub and Azure DevOps look at the password only."""

_FORBIDDEN = "unexpected http resp 403"


@dataclass(frozen=True, kw_only=True)
class GitLimits:
    """What a repository may cost."""

    fetch_bytes_max: int = 256 * 1024 * 1024
    refs_bytes_max: int = 32 * 1024 * 1024
    """Of the list of branches that comes before: about 300,000 of them."""

    deadline_s: float = 180.0


class GitCache:
    """One branch of one remote. Blocking: to be used in a thread."""

    def __init__(
        self, url: str, branch: str, *, token: str = "", directory: Path | None = None, limits: GitLimits | None = None
    ) -> None:
        self._url = url
        self._branch = branch
        self._token = token
        self._limits = limits or GitLimits()
        name = hashlib.sha256(f"{url}\0{branch}".encode()).hexdigest()[:16]
        self._directory = (directory or Path(tempfile.gettempdir()) / "switchyard-git") / name

    @contextmanager
    def fetched(self) -> "Iterator[tuple[Repo, str]]":
        """The copy as the remote is now, and the head of the branch; nobody else changes the copy meanwhile.

        Raises TransientFault when the remote does not answer, RepositoryRefused when trying again is no use.
        """
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._directory / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with self._open() as repo:
                yield repo, self._fetch(repo)

    def _open(self) -> "Repo":
        """The copy. One that grew beyond the limit by many fetches, or that cannot be read, is made anew."""
        from dulwich.errors import NotGitRepository
        from dulwich.repo import Repo

        bare = self._directory / "bare"
        if bare.exists():
            size = sum(file.stat().st_size for file in bare.rglob("*") if file.is_file())
            if size <= 2 * self._limits.fetch_bytes_max:
                try:
                    return Repo(str(bare))
                except (NotGitRepository, OSError, ValueError):
                    pass  # a process was killed while it made the copy
            shutil.rmtree(bare)
        return Repo.init_bare(str(bare), mkdir=True)

    def _fetch(self, repo: "Repo") -> str:
        from dulwich.client import HTTPUnauthorized
        from dulwich.errors import GitProtocolError, HangupException, NotGitRepository
        from dulwich.refs import Ref
        from urllib3.exceptions import HTTPError

        ref = Ref(f"refs/heads/{self._branch}".encode())
        try:
            heads = self._receive(repo, ref)
        except (NotGitRepository, HTTPUnauthorized) as error:
            raise RepositoryRefused(f"there is no git repository at {self._url}, or no access to it") from error
        except (HangupException, HTTPError, OSError) as error:
            raise TransientFault(f"{self._url} could not be fetched: {_text(error)}") from error
        except GitProtocolError as error:
            kind = RepositoryRefused if _FORBIDDEN in str(error) else TransientFault
            raise kind(f"{self._url} could not be fetched: {_text(error)}") from error
        head = heads.get(ref)
        if head is None:
            raise RepositoryRefused(f"{self._url} has no branch {self._branch}")
        repo.refs[ref] = head
        return str(head.decode())

    def _receive(self, repo: "Repo", ref: Any) -> dict[Any, Any]:
        file, commit, abort = repo.object_store.add_pack()
        meter = _Meter(self._limits)
        client, path = self._client(meter)
        wanted: list[Any] = []

        def wants(refs: Any, depth: int | None = None) -> list[Any]:
            meter.refs_are_read()
            wanted[:] = [refs[ref]] if ref in refs and refs[ref] not in repo.object_store else []
            return wanted

        clock = threading.Timer(self._limits.deadline_s, getattr(client, "end", bool))  # a local remote has no network
        clock.start()
        try:
            result = client.fetch_pack(
                path, wants, repo.get_graph_walker(), meter.writing(file), progress=meter.progress, ref_prefix=[ref]
            )
            check_pack(file)
            file.seek(0, SEEK_END)
        except BaseException:
            abort()
            raise
        finally:
            clock.cancel()
        if wanted:
            commit()
        else:  # a local remote sends a pack of nothing
            abort()
        return dict(result.refs)

    def _client(self, meter: "_Meter") -> "tuple[GitClient, str]":
        from dulwich.client import LocalGitClient
        from dulwich.config import ConfigDict

        from shared.adapters.git.http import MeteredHttpGitClient

        parts = urlsplit(self._url)
        if parts.scheme in ("", "file"):
            return LocalGitClient(), parts.path
        config = ConfigDict()  # no git configuration of the machine: neither credentials nor rewritten addresses
        user = _ANY_USER if self._token else None
        client = MeteredHttpGitClient(
            self._url,
            taken=meter.taken,
            config=config,
            username=user,
            password=self._token or None,
            timeout=READ_TIMEOUT_S,
            quiet=True,
        )
        return client, parts.path


class _Meter:
    """Counts what arrives, and ends it when it is too much or takes too long."""

    def __init__(self, limits: GitLimits) -> None:
        self._limits = limits
        self._ends_at = time.monotonic() + limits.deadline_s
        self._bytes_max = min(limits.refs_bytes_max, limits.fetch_bytes_max)
        self._what = "delete branches and tags nobody needs"
        self._taken = self._written = 0

    def refs_are_read(self) -> None:
        """From here on the pack arrives."""
        self._taken = 0
        self._bytes_max, self._what = self._limits.fetch_bytes_max, "keep large files out of it"

    def taken(self, count: int) -> None:
        """Bytes that arrived over the network."""
        self._taken += count
        self._check(self._taken)

    def writing(self, file: "IO[bytes]") -> Callable[[bytes], int]:
        """Writes pieces of the pack to `file`; those of a local remote come over no network."""

        def write(data: bytes) -> int:
            self._written += len(data)
            self._check(self._written)
            return file.write(data)

        return write

    def _check(self, count: int) -> None:
        if count > self._bytes_max:
            mib = self._bytes_max / (1024 * 1024)
            raise RepositoryRefused(f"the repository sends more than {mib:g} MiB: {self._what}")
        self.progress(b"")

    def progress(self, _: bytes) -> None:
        """What the remote says meanwhile."""
        if time.monotonic() > self._ends_at:
            raise TransientFault(f"the repository was not fetched within {self._limits.deadline_s:g} s")


def _text(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
