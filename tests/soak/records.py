"""What the functions of the soak's app wrote down."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Records:
    """The directory RECORDS of the app: one file for each function, one line for each call."""

    directory: Path

    def lines(self, file: str) -> list[list[str]]:
        """The fields of every complete line; a killed host may leave half of one."""
        path = self.directory / file
        if not path.exists():
            return []
        return [line.split() for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def first_fields(self, file: str) -> list[str]:
        return [fields[0] for fields in self.lines(file)]
