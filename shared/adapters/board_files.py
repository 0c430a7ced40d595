"""The files of the board as its build left them, each with what a browser has to know about it.

They are read once, a few hundred kilobytes: what is not among them has no address, whatever a request says.
"""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

INDEX = "index.html"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}
"""What the build makes. A file of another kind is not served."""

_HASHED = "assets/"
"""The folder of files that have a hash of their content in their name."""


@dataclass(frozen=True)
class BoardFile:
    """One file. `etag` is quoted, as the header has it; `kept` says whether a browser may keep it for ever."""

    content: bytes
    gzipped: bytes
    media_type: str
    etag: str
    kept: bool


class BoardFiles:
    """The built board of one folder; empty where nothing was built."""

    def __init__(self, folder: Path) -> None:
        found = sorted(path for path in folder.rglob("*") if path.suffix in _TYPES and path.is_file())
        self._files = {path.relative_to(folder).as_posix(): _read(path, folder) for path in found}

    @property
    def is_built(self) -> bool:
        """Whether there is a page to serve."""
        return INDEX in self._files

    def at(self, address: str) -> BoardFile | None:
        """The file of this address; for an address without a suffix the page, which finds out what is meant by it.

        None where there is nothing: no such file, or an address below `api/`, which is no page.
        """
        path = address.strip("/")
        if path in self._files:
            return self._files[path]
        is_page = not PurePosixPath(path).suffix and path.split("/")[0].lower() != "api"
        return self._files.get(INDEX) if is_page else None


def _read(path: Path, folder: Path) -> BoardFile:
    content = path.read_bytes()
    return BoardFile(
        content=content,
        gzipped=gzip.compress(content, mtime=0),
        media_type=_TYPES[path.suffix],
        etag=f'"{hashlib.sha256(content).hexdigest()[:32]}"',
        kept=path.relative_to(folder).as_posix().startswith(_HASHED),
    )
