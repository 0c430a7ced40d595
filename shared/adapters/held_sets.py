"""HeldSets from files that ship with the app: a JSON list of `{"request": {...}, "expected": [12.5]}`."""

import json
from math import isfinite
from pathlib import Path
from typing import Any

from shared.application.errors import PlatformRefused
from shared.application.online_platform import Sample

BYTES_MAX = 1024 * 1024
SAMPLES_MAX = 500


class FileHeldSets:
    """Paths are relative to the folder of the app, and stay in it."""

    def __init__(self, app_root: Path) -> None:
        self._root = app_root.resolve()

    def __call__(self, path: str, /) -> list[Sample]:
        """In the order of the file. Raises PlatformRefused."""
        file = (self._root / path).resolve()
        if not file.is_relative_to(self._root):
            raise PlatformRefused(f"held set {path} is not a file of the app")
        try:
            with file.open("rb") as stream:
                text = stream.read(BYTES_MAX + 1)
        except OSError as error:
            raise PlatformRefused(f"held set {path} cannot be read: {error.strerror}") from error
        if len(text) > BYTES_MAX:
            raise PlatformRefused(f"held set {path} has more than {BYTES_MAX} bytes")
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise PlatformRefused(f"held set {path} is not JSON: {error}") from error
        if not isinstance(found, list) or not 0 < len(found) <= SAMPLES_MAX:
            raise PlatformRefused(f"held set {path} is no list of 1 to {SAMPLES_MAX} requests")
        return [_sample(path, number, each) for number, each in enumerate(found, 1)]


def _sample(path: str, number: int, value: Any) -> Sample:
    if not isinstance(value, dict) or set(value) != {"request", "expected"}:
        raise PlatformRefused(f"held set {path}: number {number} is no object of request and expected")
    expected = value["expected"]
    if not isinstance(expected, list) or not expected or not all(map(_is_number, expected)):
        raise PlatformRefused(f"held set {path}: expected of number {number} is no list of numbers")
    return Sample(request=json.dumps(value["request"]).encode(), expected=tuple(map(float, expected)))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
