"""How the command is called here, so that what it tells people to type can be pasted."""

import os
import shlex
import shutil
import sys
from pathlib import Path

NAME = "switchyard"


def as_typed(started_as: str, python: str, here: Path, search: str | None = None) -> str:
    """The words that start this command again from the folder `here`.

    `started_as` is what the process was started with, `python` its interpreter, `search` a list of folders as in PATH.
    The name alone where it leads to the same file; else the file's path, relative when it is below `here`.
    """
    script = Path(started_as)
    if script.parts[-2:] == ("cli", "__main__.py"):  # python -m cli
        return f"{_path(Path(python), here)} -m cli"
    if script.stem != NAME:  # started by something else, such as a test
        return NAME
    found = shutil.which(NAME, path=search)
    if found and Path(found).resolve() == script.resolve():
        return NAME
    return _path(script, here)


def _path(file: Path, here: Path) -> str:
    full = Path(os.path.abspath(here / file))  # not resolved: the interpreter of a virtual environment is a link
    return shlex.quote(str(full.relative_to(here) if full.is_relative_to(here) else full))


COMMAND = as_typed(sys.argv[0], sys.executable, Path.cwd())
"""How the command is called in what it tells people to type."""
