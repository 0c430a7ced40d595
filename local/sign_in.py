"""Signs in as one of the demo people of a running local cloud: `python -m local.sign_in engineer-1` prints a token.

export SWITCHYARD_TOKEN=$(python -m local.sign_in engineer-1)
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from local.seeding.credentials import token_of
from local.supervisor.cloud import CloudError, LocalCloud


def main(
    person: Annotated[str, typer.Argument(help="For example engineer-1, manager-1, viewer-1.")],
    data: Annotated[Path, typer.Option(help="Data directory of the running local cloud.")] = Path(".local"),
) -> None:
    """Print an access token of one of the demo people, valid for an hour."""
    try:
        print(token_of(LocalCloud.running(data).urls["identity"], person))
    except CloudError as problem:
        print(f"Error: {problem}", file=sys.stderr)
        raise typer.Exit(1) from problem


if __name__ == "__main__":
    typer.run(main)
