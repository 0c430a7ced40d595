"""What the command keeps on this machine: at which apps somebody has signed in, with the tokens that were given.

One file that only its owner may read, in the folder that the platform has for the settings of programs.
"""

import json
import os
import tempfile
from pathlib import Path

import typer
from pydantic import BaseModel, ConfigDict, ValidationError

from cli.api import ApiError

ONLY_OWNER = 0o600
ONLY_OWNERS_FOLDER = 0o700


class Kept(BaseModel):
    """A sign-in at one app. `cache` is MSAL's own, with a refresh token in it: worth as much as a password."""

    model_config = ConfigDict(frozen=True)

    authority: str
    client_id: str
    scope: str
    cache: str


class _File(BaseModel):
    last: str = ""
    apps: dict[str, Kept] = {}


class Keeper:
    """The file. Every change is read, made and written at once; of two at the same time the later one stays."""

    def __init__(self, folder: Path | None = None) -> None:
        self.file = (folder or Path(typer.get_app_dir("switchyard"))) / "sign-in.json"

    @property
    def last(self) -> str:
        """The address of the app that somebody signed in at last; empty where nobody did."""
        return self._read().last

    def at(self, url: str) -> Kept | None:
        """The sign-in at this app."""
        return self._read().apps.get(_key(url))

    def keep(self, url: str, kept: Kept) -> None:
        """Writes it, as the last one."""
        apps = {**self._read().apps, _key(url): kept}
        self._write(_File(last=_key(url), apps=apps))

    def forget(self, url: str) -> bool:
        """Removes it; False where there was none."""
        content = self._read()
        apps = {key: kept for key, kept in content.apps.items() if key != _key(url)}
        if len(apps) == len(content.apps):
            return False
        self._write(_File(last="" if content.last == _key(url) else content.last, apps=apps))
        return True

    def _read(self) -> _File:
        try:
            return _File.model_validate_json(self.file.read_bytes())
        except FileNotFoundError:
            return _File()
        except (OSError, ValidationError) as error:
            raise ApiError(f"{self.file} cannot be read: delete it, and sign in again") from error

    def _write(self, content: _File) -> None:
        """Beside, then in its place: nobody reads half of it, and it is never readable for others."""
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True, mode=ONLY_OWNERS_FOLDER)
            descriptor, beside = tempfile.mkstemp(dir=self.file.parent, prefix=".sign-in-")  # has 0600 from the start
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                json.dump(content.model_dump(), stream)
            os.replace(beside, self.file)
        except OSError as error:
            raise ApiError(f"{self.file} cannot be written: {error.strerror or error}") from error


def _key(url: str) -> str:
    return url.rstrip("/").removesuffix("/api")
