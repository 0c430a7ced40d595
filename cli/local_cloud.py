"""`switchyard local up|down|status`: runs the local cloud's own command as a process of its own."""

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path

import typer

from cli.session import errors

PACKAGE = "local"
_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
"""Everything after the command is the local cloud's, --help too: it knows its options."""

app = typer.Typer(no_args_is_help=True, help="The local cloud of a source checkout; options are passed on to it.")


@app.command(context_settings=_PASS_ON)
def up(context: typer.Context) -> None:
    """Start the local cloud and keep it running until Ctrl-C."""
    _run("up", context.args)


@app.command(context_settings=_PASS_ON)
def down(context: typer.Context) -> None:
    """Stop the local cloud."""
    _run("down", context.args)


@app.command(context_settings=_PASS_ON)
def status(context: typer.Context) -> None:
    """Show its parts and where they listen."""
    _run("status", context.args)


def _run(command: str, options: list[str]) -> None:
    package = importlib.util.find_spec(PACKAGE)
    if package is None or package.origin is None:
        errors.print("Error:", style="bold red", end=" ")
        errors.print("the local cloud is not installed here: run this in a source checkout of Switchyard")
        raise typer.Exit(1)
    words = [sys.executable, "-m", f"{PACKAGE}.cloud", command, *options]
    found_there = {"PYTHONPATH": str(Path(package.origin).parents[1])}  # wherever this command was called
    process = subprocess.Popen(words, env={**os.environ, **found_there})  # nosec B603 # no shell; the person's options
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the local cloud, which stops its parts in order
    raise typer.Exit(process.wait())
