"""`switchyard local up|down|status`: runs the local cloud's own command as a process of its own."""

import importlib.util
import signal
import subprocess
import sys

import typer

from cli.session import errors

PACKAGE = "local"
_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}

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
    if importlib.util.find_spec(PACKAGE) is None:
        errors.print("Error:", style="bold red", end=" ")
        errors.print("the local cloud is not installed here: run this in a source checkout of Switchyard")
        raise typer.Exit(1)
    words = [sys.executable, "-m", f"{PACKAGE}.cloud", command, *options]
    process = subprocess.Popen(words)  # nosec B603 # no shell; the options are those of the person at the terminal
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the local cloud, which stops its parts in order
    raise typer.Exit(process.wait())
