"""The command line: global options and the list of commands."""

import os
from pathlib import Path
from typing import Annotated

import typer

from cli import (
    alerting,
    changes,
    config,
    deciding,
    environments,
    evidence,
    fleet,
    freezing,
    going_back,
    inference,
    local_cloud,
    monitoring,
    online,
    reading,
    signing_in,
    telling,
    training,
    waiting,
    watching,
)
from cli.endings import Commands
from cli.session import TOKEN_VARIABLE, Session

app = typer.Typer(
    name="switchyard",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # locals hold the token
    help="Follow releases of models and environments, and decide on them.",
)


@app.callback()
def switchyard(
    context: typer.Context,
    url: Annotated[
        str, typer.Option(envvar="SWITCHYARD_URL", help="Address of the function app, with or without /api.")
    ] = "",
    token_file: Annotated[Path | None, typer.Option(help="File with your access token.")] = None,
) -> None:
    """Follow releases of models and environments and decide on them.

    Sign in with `login`; it is renewed by itself. A token in SWITCHYARD_TOKEN or in --token-file goes before. It says
    who you are; what you may do is decided by the app.
    """
    token = os.environ.get(TOKEN_VARIABLE, "")  # no option: other users of the machine see command lines
    context.obj = Session(url=url, token=token, token_file=token_file)


for command in (
    signing_in.login,
    signing_in.logout,
    signing_in.whoami,
    reading.releases,
    reading.show,
    reading.history,
    waiting.fleet,
    waiting.waiting,
    waiting.decide,
    deciding.approve,
    deciding.reject,
    deciding.abort,
    deciding.retry,
    deciding.again,
    deciding.release_model,
    watching.watch,
    environments.environments,
    fleet.release_environment,
    online.release_online,
    online.deployment_state,
    evidence.evidence,
    going_back.rollback,
    going_back.redeploy,
    going_back.rollback_report,
    fleet.targets,
    going_back.rollback_metadata,
    alerting.alerts,
    telling.notifications,
    telling.contacts,
    changes.changes,
    freezing.freeze,
    freezing.freezes,
    freezing.lift,
    inference.infer,
    inference.inference,
    monitoring.monitoring,
    monitoring.check,
    training.train,
    training.trainings,
    training.abort_training,
    training.lineage,
):
    app.command()(command)
app.add_typer(config.app, name="config")
app.add_typer(local_cloud.app, name="local")


def main() -> None:
    """Entry point."""
    app(prog_name="switchyard")
