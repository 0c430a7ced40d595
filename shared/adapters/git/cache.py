"""A bare copy of one branch of a remote git repository in a local directory: fetched in-process, bounded, kept.

Library: dulwich, which is git in Python: the function app's image has no git. What a fetch may cost is limited in bytes
on the wire and in time; both are looked at with every piece that arrives. Remotes are http(s), or a local path.
"""

import fcntl
import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

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
        client, path = self._client()
        wanted: list[Any] = []

        def wants(refs: Any, depth: int | None = None) -> list[Any]:
            wanted[:] = [refs[ref]] if ref in refs and refs[ref] not in repo.object_store else []
            return wanted

        file, commit, abort = repo.object_store.add_pack()
        meter = _Meter(file.write, self._limits)
        try:
            result = client.fetch_pack(
                path, wants, repo.get_graph_walker(), meter.write, progress=meter.progress, ref_prefix=[ref]
            )
        except BaseException:
            abort()
            raise
        if wanted:
            commit()
        else:  # a local remote sends a pack of nothing
            abort()
        return dict(result.refs)

    def _client(self) -> "tuple[GitClient, str]":
        from dulwich.client import LocalGitClient, Urllib3HttpGitClient
        from dulwich.config import ConfigDict

        parts = urlsplit(self._url)
        if parts.scheme in ("", "file"):
            return LocalGitClient(), parts.path
        config = ConfigDict()  # no git configuration of the machine: neither credentials nor rewritten addresses
        user = _ANY_USER if self._token else None
        client = Urllib3HttpGitClient(
            self._url,
            config=config,
            username=user,
            password=self._token or None,
            timeout=READ_TIMEOUT_S,
            quiet=True,
        )
        return client, parts.path


class _Meter:
    """Counts what arrives, and ends it when it is too much or takes too long."""

    def __init__(self, write: Callable[[bytes], int], limits: GitLimits) -> None:
        self._write = write
        self._limits = limits
        self._ends_at = time.monotonic() + limits.deadline_s
        self.received = 0

    def write(self, data: bytes) -> int:
        """One piece of the pack."""
        self.received += len(data)
        if self.received > self._limits.fetch_bytes_max:
            mib = self._limits.fetch_bytes_max / (1024 * 1024)
            raise RepositoryRefused(f"the repository sends more than {mib:g} MiB: keep large files out of it")
        self.progress(b"")
        return self._write(data)

    def progress(self, _: bytes) -> None:
        """What the remote says meanwhile."""
        if time.monotonic() > self._ends_at:
            raise TransientFault(f"the repository was not fetched within {self._limits.deadline_s:g} s")


def _text(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
