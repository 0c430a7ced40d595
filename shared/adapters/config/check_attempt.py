"""Reading on after a mistake, so that every mistake of every file is told at once."""

from collections.abc import Callable
from typing import TypeVar

from shared.contracts.config.files import ConfigError
from shared.domain.changes.circuits import ConfigProblem

T = TypeVar("T")


def attempted(read: Callable[[], T], problems: list[ConfigProblem]) -> T | None:
    """What `read` answers; None where that has mistakes, which are added to `problems`."""
    try:
        return read()
    except ConfigError as error:
        problems += error.problems
        return None
