"""`python -m local.seed_environment 1.5.1`: register an environment version in dev, with an executed notebook for it.

The local cloud runs, on a fleet that `local.seed_fleet` brought to production. Afterwards the version can be released.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from local.seeding.environment_factory import CLEARER_LOG, COLUMN_BY_COLUMN, EnvironmentFactory
from local.seeding.evidence_factory import write_evidence
from local.seeding.model_factory import ModelFactory
from local.supervisor.cloud import CloudError, LocalCloud
from shared.domain.changes.versions import SemanticVersion
from shared.domain.errors import InvalidRequest

console = Console(highlight=False)

A_CIRCUIT = "P001/C001"
"""Whose model the notebook loads: every fleet has it, and no version that breaks a model breaks this one."""


def seed_environment(
    version: Annotated[str, typer.Argument(help="MAJOR.MINOR.PATCH, higher than what production runs.")] = "1.5.1",
    data: Annotated[Path, typer.Option(help="Data directory of the running local cloud.")] = Path(".local"),
    breaks: Annotated[bool, typer.Option("--breaks", help="A change that one model does not survive.")] = False,
) -> None:
    """Register the version, and run the example of evidence in it."""
    try:
        SemanticVersion.parse(version)
        cloud = LocalCloud.running(data)
        factory = ModelFactory(cloud)
        change = replace(COLUMN_BY_COLUMN if breaks else CLEARER_LOG, version=version)
        registered = EnvironmentFactory(factory, cloud.data / "environments").register(change)
        console.print(f"Registered {registered} in dev: {change.summary}. Running the notebook …")
        notebook = write_evidence(
            cloud.data / "evidence" / f"{version}.ipynb",
            code=cloud.data / "environments" / version,
            model=factory.train(factory.circuit(A_CIRCUIT)),
            table=factory.table,
        )
    except (CloudError, InvalidRequest) as problem:
        console.print(f"Error: {problem}", style="red", markup=False)
        sys.exit(1)
    console.print(f"Evidence for its release:  {os.path.relpath(notebook)}", markup=False, soft_wrap=True)


if __name__ == "__main__":
    typer.run(seed_environment)
