"""The words that people type in this checkout: its interpreter and its command, from where they are."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def python() -> str:
    """The interpreter that runs this, relative where it is below the folder one is in."""
    return _shown(Path(sys.executable))


def command() -> str:
    """The `switchyard` command, which `make install` puts beside the interpreter."""
    return _shown(Path(sys.executable).with_name("switchyard"))


def _shown(file: Path) -> str:
    return os.path.relpath(file) if file.is_relative_to(Path.cwd()) else str(file)
