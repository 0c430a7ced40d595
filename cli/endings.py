"""What the command ends with, for scripts, and how it asks before it changes something."""

from typing import Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from cli.session import console

WELL = 0
"""Done; of what was watched: it ended as it was meant to."""

FAILED = 1
"""Refused, not reachable, not asked for after all; the text says what."""

WAITS = 2
"""What was watched waits for a person."""

ENDED_OTHERWISE = 3
"""What was watched ended, but not as it was meant to; of many decisions some were refused."""

TIMED_OUT = 4
"""What was watched had not ended when the time was over. It goes on."""

USAGE = 64
"""There is no such command or option. Other commands end with 2 then, which means something else here."""

INTERRUPTED = 130
"""Ctrl-C. What was watched goes on."""

_USAGE_ELSEWHERE = 2


class Commands(TyperGroup):
    """A group whose usage errors end with a status of their own."""

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        """Reads the options before the command."""
        try:
            return super().make_context(*arguments, **options)
        except TyperException as problem:
            _told_apart(problem)

    def invoke(self, ctx: Any) -> Any:
        """Reads what follows, and does it."""
        try:
            return super().invoke(ctx)
        except TyperException as problem:
            _told_apart(problem)


def confirm(question: str) -> None:
    """Asks, and ends the command unless the answer is yes."""
    try:
        agreed = typer.confirm(question)
    except typer.Abort as nobody:  # the end of what there is to read, or Ctrl-C
        console.print("\nNothing was done. Where nobody is there to answer, --yes does.")
        raise typer.Exit(FAILED) from nobody
    if not agreed:
        console.print("Nothing was done.")
        raise typer.Exit(FAILED)


def _told_apart(problem: TyperException) -> NoReturn:
    if problem.exit_code == _USAGE_ELSEWHERE:
        problem.exit_code = USAGE
    raise problem
