"""Changes of the configuration: what came in, what became of it, and what is wrong with it."""

from datetime import datetime
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text as Shown

from cli.api import ApiError, ReleaseApi, parse
from cli.printing import put, say
from cli.reading import AsJson, print_json
from cli.session import console, talking
from cli.show import clock
from cli.typed import COMMAND
from cli.unreadable import tell_unreadable
from cli.views import Text, View

SHA_DIGITS_SHOWN = 12
SHA_DIGITS_MIN = 7
LISTED_MAX = 200
_STYLES = {"taken": "green", "refused": "red", "failed": "red", "accepted": "cyan", "ignored": "yellow"}

ChangeId = Annotated[str, typer.Argument(metavar="[COMMIT]", help="A commit, or its first digits: shows that change.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="How many changes to list, the latest first.")]


class Field(View):
    """One value of a circuit's file."""

    field: Text
    before: Text
    after: Text


class Circuit(View):
    """What a change means for a circuit."""

    circuit: Text
    kind: Text
    fields: list[Field]
    renamed_from: Text
    pr_number: Text
    author: Text
    run_id: Text


class Environment(View):
    """The environment version of a change."""

    name: Text
    version: Text
    previous: Text
    kind: Text
    breaking: bool
    circuits_moved: int
    circuits_on_other_versions: int


class ConfigProblem(View):
    """One mistake."""

    file: Text
    field: Text
    value: Text
    reason: Text
    fix: Text
    line: int | None


class ChangeSummary(View):
    """One line of the list."""

    change_id: Text
    state: Text
    title: Text
    author: Text
    pr_number: Text
    accepted_at: datetime
    circuits_total: int
    trainings_total: int
    environment: Text
    problems_total: int
    note: Text


class Change(ChangeSummary):
    """One change."""

    branch: Text
    base: Text
    circuits: list[Circuit]
    environment_version: Environment | None
    problems: list[ConfigProblem]
    notes: list[Text]


class Changes(View):
    """The latest first."""

    changes: list[ChangeSummary]
    in_force: Text = ""


def changes(context: typer.Context, commit: ChangeId = "", limit: Limit = 20, as_json: AsJson = False) -> None:
    """List merged changes of the configuration; with a commit, show what one led to or what is wrong with it."""
    with talking(context) as api:
        answer = api.change(_full_id(api, commit)) if commit else api.changes(limit)
        if as_json:
            print_json(answer)
        elif commit:
            put(change_panel(parse(Change, answer)))
        else:
            tell_unreadable(answer)
            _show_list(parse(Changes, answer))


def _show_list(found: Changes) -> None:
    if found.changes:
        put(changes_table(found.changes))
        say(f"Look at one with:  {COMMAND} changes <commit>")
    else:
        console.print("No change has come in yet.")
    in_force = f"that of commit {found.in_force}" if found.in_force else "the one that the app was published with"
    say(f"The configuration in force is {in_force}.")


def changes_table(listed: list[ChangeSummary]) -> Table:
    """Commit, when, state, its title over the pull request and what it led to."""
    table = Table("commit", "accepted", "state", "change, and what it led to")
    table.columns[0].no_wrap = table.columns[1].no_wrap = table.columns[2].no_wrap = True
    table.columns[3].overflow = "fold"
    for each in listed:
        table.add_row(
            Shown(each.change_id[:SHA_DIGITS_SHOWN]),
            clock(each.accepted_at),
            Shown(each.state, style=_STYLES.get(each.state, "")),
            Shown(f"{each.title}\n{': '.join(filter(None, (each.pr_number, _led_to(each))))}"),
        )
    return table


def change_panel(change: Change) -> RenderableType:
    """Where it comes from, what it led to, what is wrong with it."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column(overflow="fold")
    for name, text in (
        ("state", Shown(change.state, style=_STYLES.get(change.state, ""))),
        ("title", Shown(change.title)),
        ("pull request", Shown(change.pr_number or "none")),
        ("author", Shown(change.author)),
        ("accepted", Shown(clock(change.accepted_at))),
        ("compared with", Shown(change.base)),
        ("led to", Shown(_led_to(change))),
        *(("note", Shown(note)) for note in change.notes),
    ):
        facts.add_row(name, text)
    parts: list[RenderableType] = [facts]
    if change.problems:
        parts.append(_problems_table(change))
    if change.circuits:
        parts.append(_circuits_table(change))
    return Panel(Group(*parts), title=Shown(change.change_id), title_align="left")


def _circuits_table(change: Change) -> Table:
    title = f"{len(change.circuits)} of {change.circuits_total} circuits"
    table = Table("circuit", "what", "fields, and its training run", title=title, title_justify="left")
    table.columns[0].no_wrap = table.columns[1].no_wrap = True
    table.columns[2].overflow = "fold"
    for each in change.circuits:
        fields = [f"{field.field}: {field.before} to {field.after}" for field in each.fields]
        if each.renamed_from:
            fields.append(f"was {each.renamed_from}")
        own = f"of {each.pr_number}" if each.pr_number != change.pr_number else ""
        run = " ".join(filter(None, (each.run_id, own)))
        table.add_row(*map(Shown, (each.circuit, each.kind, "\n".join(filter(None, (*fields, run))))))
    return table


def _problems_table(change: Change) -> Table:
    title = f"{len(change.problems)} of {change.problems_total} mistakes"
    table = Table("file", "field", "value", "why", "fix", title=title, title_justify="left")
    for column in table.columns:
        column.overflow = "fold"
    for each in change.problems:
        file = each.file if each.line is None else f"{each.file}:{each.line}"
        table.add_row(*map(Shown, (file, each.field, each.value, each.reason, each.fix)))
    return table


def _led_to(change: ChangeSummary) -> str:
    if change.problems_total:
        return "1 mistake" if change.problems_total == 1 else f"{change.problems_total} mistakes"
    parts = (
        [f"training of {change.trainings_total} of {change.circuits_total} circuits"] if change.circuits_total else []
    )
    return ", ".join([*parts, *([f"environment {change.environment}"] if change.environment else [])]) or change.note


def _full_id(api: ReleaseApi, text: str) -> str:
    """The commit that begins with these digits, among the latest changes."""
    wanted = text.lower()
    if len(wanted) >= 40:
        return wanted
    if len(wanted) < SHA_DIGITS_MIN:
        raise ApiError(f"give at least {SHA_DIGITS_MIN} digits of the commit")
    latest = parse(Changes, api.changes(LISTED_MAX)).changes
    found = [each.change_id for each in latest if each.change_id.startswith(wanted)]
    if len(found) != 1:
        raise ApiError(f"{len(found)} of the latest {len(latest)} changes begin with {wanted}: give the whole commit")
    return found[0]
