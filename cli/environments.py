"""The command for versions of the fleet's environment: which of them models keep working in."""

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text as Shown

from cli.api import parse
from cli.printing import put, say
from cli.reading import AsJson, print_json
from cli.session import talking
from cli.typed import COMMAND
from cli.views import Text, View

Running = Annotated[
    str | None,
    typer.Option("--running", metavar="VERSION", help="Only versions that models of this version keep working in."),
]


class Version(View):
    """One version, with what its tags say."""

    version: Text
    change_summary: Text
    tensorflow_version: Text
    registered_at: Text
    registered_by: Text


class Versions(View):
    """The lowest version first."""

    name: Text
    versions: list[Version]


def environments(context: typer.Context, running: Running = None, as_json: AsJson = False) -> None:
    """List the versions of the fleet's environment in the registry that models keep working in."""
    with talking(context) as api:
        answer = api.environment_versions(running)
        if as_json:
            print_json(answer)
            return
        listed = parse(Versions, answer)
        if not listed.versions:
            instead = f" that can take the place of {running}" if running else " that models keep working in"
            say(f"The registry has no version of {listed.name}{instead}.")
            if not running:
                say(f"A release brings one there:  {COMMAND} release-environment VERSION")
            return
        table = Table("version", "change", "TensorFlow", "registered", "by", title=listed.name)
        for each in listed.versions:
            row = (each.version, each.change_summary, each.tensorflow_version, each.registered_at, each.registered_by)
            table.add_row(*map(Shown, row))
        put(table)
