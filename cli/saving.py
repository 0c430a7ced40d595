"""Files that the app gave, kept on this machine."""

from pathlib import Path

from cli.api import ApiError
from cli.printing import say


def save(file: Path, content: bytes) -> None:
    """Writes a new file and the folders it is in, and says so. Raises ApiError when another one has its name."""
    if file.is_dir():
        raise ApiError(f"{file} is a folder: name a file")
    try:
        if file.exists() and file.read_bytes() != content:
            raise ApiError(f"{file} is there already, with other content: nothing was written")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    except OSError as error:
        raise ApiError(f"{file} cannot be written: {error.strerror or error}") from error
    say(f"{file}: {len(content):,} bytes")
