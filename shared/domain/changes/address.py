"""The addresses of one repository: every documented way in which GitHub and Azure DevOps write it.

Azure DevOps has the addresses of dev.azure.com and of the older visualstudio.com, with and without a collection, a team
or the project's name, over HTTPS and SSH ("Use SSH key authentication" and "Allowed domain URLs", Azure DevOps
documentation). A configured address and the one that a webhook names may differ in all of that.
"""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from urllib.parse import SplitResult, unquote, urlsplit

AZURE_DEVOPS = "dev.azure.com"
GITHUB = "github.com"

_SCHEMES = ("http", "https", "ssh", "git", "git+ssh")
_SCP = re.compile(r"(?:[^@/\s]+@)?([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+):(?!//)(\S.*)")
_OLD_DEVOPS = ".visualstudio.com"
_OLD_SSH = "vs-ssh.visualstudio.com"
_SAME_HOST = {"www.github.com": GITHUB, "ssh.github.com": GITHUB, "ssh.dev.azure.com": AZURE_DEVOPS}
_COLLECTION = "defaultcollection"
_NO_LETTER = re.compile(r"[\W_]+")
_LIKE_FROM = 0.85
"""Of the characters of both names, in order: one wrong letter in seven still counts."""
_PARTIAL_CLONES = ("_full", "_optimized")


@dataclass(frozen=True)
class RepositoryAddress:
    """Where a repository is. `owners` are what its name stands below: owner, or organization and project.

    `origin` is scheme, host and port as they were written.
    """

    host: str
    owners: tuple[str, ...]
    name: str
    is_azure_devops: bool
    origin: str

    def same_as(self, other: "RepositoryAddress") -> bool:
        """Whether both are addresses of one repository; neither service tells cases apart."""
        return self._key() == other._key()

    def resembles(self, other: "RepositoryAddress") -> bool:
        """Whether somebody may take one for the other: a name like it anywhere, or another name below the same owners,
        as after a repository was renamed. Two addresses of one repository do not resemble each other."""
        if self.same_as(other):
            return False
        return self._key()[:-1] == other._key()[:-1] or _is_like(self.name, other.name)

    def _key(self) -> tuple[str, ...]:
        return tuple(part.casefold() for part in (self.host, *self.owners, self.name))


def _is_like(name: str, other: str) -> bool:
    one, two = (_NO_LETTER.sub("", each.casefold()) for each in (name, other))
    return bool(one) and SequenceMatcher(None, one, two).ratio() >= _LIKE_FROM


def repository_address(text: str) -> RepositoryAddress | None:
    """What the address names; None for a path on disk, and for what names no repository."""
    parts = _split(text.strip())
    if parts is None:
        return None
    written = (parts.hostname or "").lower()
    host = _SAME_HOST.get(written, written)
    path = [unquote(part) for part in parts.path.split("/") if part]
    if not host or not path:
        return None
    path[-1] = path[-1].removesuffix(".git")
    origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if host == AZURE_DEVOPS or host.endswith(_OLD_DEVOPS) or "_git" in path:
        found = _azure_devops(host, parts.username or "", path)
        return RepositoryAddress(found[0], found[1], found[2], True, origin) if found else None
    return RepositoryAddress(host, tuple(path[:-1]), path[-1], False, origin) if len(path) > 1 else None


def _split(text: str) -> SplitResult | None:
    if scp := _SCP.fullmatch(text):  # git@github.com:owner/name
        text = f"ssh://{scp[1]}/{scp[2].lstrip('/')}"
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return parts if parts.scheme in _SCHEMES else None


def _azure_devops(host: str, user: str, path: list[str]) -> tuple[str, tuple[str, ...], str] | None:
    """Host, organization and project, and name."""
    if path[0].lower() == "v3":  # SSH: v3/<organization>/<project>/<repository>
        return (AZURE_DEVOPS, (path[1], path[2]), path[3]) if len(path) == 4 else None
    if host == _OLD_SSH:  # the organization is the user
        path = [user, *path]
        host = AZURE_DEVOPS
    elif host.endswith(_OLD_DEVOPS):
        path = [host.removesuffix(_OLD_DEVOPS), *path]
        host = AZURE_DEVOPS
    marks = [number for number, part in enumerate(path) if part.lower() in ("_git", "_ssh")]
    if not marks:
        return None
    above, below = path[: marks[0]], path[marks[0] + 1 :]
    if below and below[0].lower() in _PARTIAL_CLONES:
        below = below[1:]
    if len(below) != 1 or not above:
        return None
    if host == AZURE_DEVOPS:
        above = [above[0], *(part for part in above[1:] if part.lower() != _COLLECTION)]
        project = above[1] if len(above) > 1 else below[0]  # the project's own repository; a team may follow
        return host, (above[0], project), below[0]
    return host, tuple(above), below[0]  # Azure DevOps Server
