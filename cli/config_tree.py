"""What the commands of `config` do: the code that reads a merged change in the app reads the tree of a person here."""

import difflib
import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer
from rich.table import Table
from rich.text import Text

from cli.printing import put
from cli.session import console, errors
from cli.views import printable
from shared.config_tree import (
    ConfigProblem,
    ConfigTreeError,
    Found,
    changes_between,
    check,
    edit_environment_version,
)

SHA_DIGITS_SHOWN = 12


def show_changes(repository: Path, base: str, head: str, *, as_json: bool) -> int:
    """Prints what lies between two commits; the status to end with."""
    try:
        found = changes_between(repository, base, head, datetime.now(UTC).date())
    except ConfigTreeError as error:
        return _failed(str(error))
    if as_json:
        typer.echo(json.dumps(changes_json(found), indent=2))
    elif found.problems:
        _show_problems(list(found.problems))
    else:
        _show(found)
    return 1 if found.problems else 0


def show_mistakes(directory: Path, *, as_json: bool) -> int:
    """Prints every mistake of a tree; the status to end with."""
    circuits, problems = check(directory)
    if as_json:
        found = {"circuits": circuits, "problems": [asdict(each) for each in problems]}
        typer.echo(json.dumps(found, indent=2))
        return 1 if problems else 0
    if problems:
        _show_problems(problems)
        return 1
    console.print(f"{circuits} circuits, no mistakes.")
    return 0


def set_environment(config: Path, version: str, plants: list[str], *, write: bool) -> int:
    """Prints what would change as a unified diff, and changes it with `write`; the status to end with."""
    try:
        edits = edit_environment_version(config, version, plants)
    except ConfigTreeError as error:
        return _failed(str(error))
    for path, (before, after) in edits.items():
        name = path.as_posix()
        lines = difflib.unified_diff(
            before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{name}", f"b/{name}"
        )
        typer.echo("".join(lines), nl=False)
    if write:
        for path, (_, after) in edits.items():
            path.write_bytes(after.encode())
    errors.print(_edited(len(edits), version, write), markup=False)
    return 0


def changes_json(found: Found) -> dict[str, Any]:
    """For another program: circuits with what happens to them, the environment, the mistakes."""
    return {
        "base": found.base,
        "head": found.head.commit,
        "circuits": [
            {
                **asdict(each.change),
                "trains": each.change.trains,
                "cutoff_date": each.settings.cutoff_date.isoformat() if each.settings else None,
                "environment_version": each.settings.environment_version if each.settings else None,
                "commit": each.origin.commit,
                "pr_number": each.origin.pr_number,
                "author": each.origin.author,
            }
            for each in found.circuits
        ],
        "environment": asdict(found.environment) if found.environment else None,
        "problems": [asdict(each) for each in found.problems],
        "notes": list(found.notes),
    }


def _edited(count: int, version: str, written: bool) -> str:
    if not count:
        return f"Every circuit names {version} already."
    files = "1 file" if count == 1 else f"{count} files"
    return f"{files} changed." if written else f"{files} would change. Give --write to change them."


def _show(found: Found) -> None:
    base = found.base[:SHA_DIGITS_SHOWN]
    console.print(f"{base}..{found.head.commit[:SHA_DIGITS_SHOWN]} {printable(found.head.title)}", markup=False)
    if found.is_empty:
        console.print("config/ and environment/ are the same.")
    if found.environment:
        kind = "breaking, needs new models" if found.environment.breaking else "needs no new models"
        previous = found.environment.previous or "nothing"
        text = f"{found.environment.name}: {previous} to {found.environment.version} ({kind})"
        console.print(text, markup=False)
    if found.circuits:
        put(_circuits_table(found))
    for note in found.notes:
        console.print(note, markup=False)


def _circuits_table(found: Found) -> Table:
    table = Table("circuit", "what", "trained", "fields", "pull request")
    table.columns[3].overflow = "fold"
    for each in found.circuits:
        change = each.change
        fields = [f"{field.field}: {field.before} to {field.after}" for field in change.fields]
        if change.renamed_from:
            fields.append(f"was {change.renamed_from}")
        table.add_row(
            Text(f"{change.plant_id}-{change.circuit_id}"),
            Text(change.kind.value),
            Text("yes", style="cyan") if change.trains else Text("no"),
            Text("\n".join(map(printable, fields))),
            Text(each.origin.pr_number),
        )
    return table


def _show_problems(problems: list[ConfigProblem]) -> None:
    count = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
    errors.print(f"{count}; nothing would be trained:", style="bold red")
    for each in problems:
        errors.print(printable(str(each)), markup=False, soft_wrap=True)


def _failed(text: str) -> int:
    errors.print("Error:", style="bold red", end=" ")
    errors.print(text, markup=False, soft_wrap=True)
    return 1
