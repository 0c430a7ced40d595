"""Commands for many circuits at once: fleet, waiting, decide."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text as Line

from cli.api import ApiError, parse
from cli.deciding import Reason, Yes, need
from cli.endings import ENDED_OTHERWISE, confirm
from cli.printing import put, say
from cli.reading import AsJson, print_json
from cli.session import console, talking
from cli.show import clock, left
from cli.typed import COMMAND
from cli.unreadable import tell_unreadable
from cli.views import Gate, Text, View

GATES_MAX = 100
"""How many gates are listed and decided on at once: what the app takes in one request."""

Decision = Annotated[str, typer.Argument(metavar="approve|reject", help="What to decide on each of them.")]
Group = Annotated[str, typer.Option("--group", help="Only gates of this group, as `waiting` names it.")]
Circuit = Annotated[list[str] | None, typer.Option("--circuit", help="Only this circuit, P001/C001. Repeat.")]
Everybody = Annotated[bool, typer.Option("--all", help="Also gates that you may not decide on, with the reason.")]


class Warned(View):
    """What speaks against a yes."""

    text: Text
    is_bad: bool


class WarnedGate(Gate):
    """A gate with its warnings."""

    warnings: list[Warned]


class Waits(View):
    """A gate that waits for people."""

    release_id: Text
    asset: Text
    circuit: Text
    criticality: Text
    group: Text
    until: datetime | None
    because: Text
    gate: WarnedGate


class Gates(View):
    """Critical plants first, then what ends first."""

    gates: list[Waits]
    total: int


class Answered(View):
    """What became of one decision of many."""

    release_id: Text
    stage: Text
    answer: Text
    detail: Text


class Answers(View):
    """In the order of the decisions."""

    answers: list[Answered]


class Runs(View):
    """What a deployment runs."""

    model: Text
    environment: Text
    provisioning: Text


class InFleet(View):
    """One circuit."""

    circuit: Text
    runs: Runs | None
    read_at: datetime | None
    held_by: Text
    waits: Text
    frozen: bool


class WholeFleet(View):
    """All circuits of the configuration."""

    circuits: list[InFleet]


def fleet(context: typer.Context, as_json: AsJson = False) -> None:
    """Show what every circuit runs, what holds it, and where somebody is waited for."""
    with talking(context) as api:
        answer = api.fleet()
        if as_json:
            print_json(answer)
            return
        circuits = parse(WholeFleet, answer).circuits
        table = Table("circuit", "runs", "in", "read at", "now")
        for each in circuits:
            runs = each.runs
            table.add_row(
                Line(each.circuit),
                Line(runs.model if runs else "nothing known" if each.read_at is None else "nothing"),
                Line(runs.environment if runs else ""),
                Line(clock(each.read_at) if each.read_at else "not yet"),
                Line(_now(each)),
            )
        put(table)
        say(
            f"{len(circuits)} circuits. One of them:  {COMMAND} show {circuits[0].circuit}"
            if circuits
            else "No circuits."
        )


def _now(each: InFleet) -> str:
    told = [{"person": "waits for a person", "held": "held"}[each.waits]] if each.waits else []
    told += [f"{each.held_by} has it"] if each.held_by else []
    told += ["frozen"] if each.frozen else []
    told += [each.runs.provisioning] if each.runs and each.runs.provisioning != "Succeeded" else []
    return ", ".join(told)


def waiting(context: typer.Context, group: Group = "", every: Everybody = False, as_json: AsJson = False) -> None:
    """List the gates that wait for you: critical plants first, then what ends first."""
    with talking(context) as api:
        answer = api.gates(GATES_MAX, mine=not every)
        if as_json:
            print_json(answer)
            return
        tell_unreadable(answer)
        listed = parse(Gates, answer)
        shown = [each for each in listed.gates if group in ("", each.group)]
        if not shown:
            console.print("No gate waits for you." if not every else "No gate is open.")
            return
        put(gates_table(shown, datetime.now(UTC)))
        if listed.total > len(listed.gates):
            say(f"{listed.total - len(listed.gates)} more wait: decide on some of these first.")
        say(f"Look at one:  {COMMAND} show {shown[0].release_id}")
        say(f"Decide on all that are alike:  {COMMAND} decide approve --group {shown[0].group} --reason '...'")


def decide(
    context: typer.Context,
    decision: Decision,
    reason: Reason,
    group: Group = "",
    circuit: Circuit = None,
    yes: Yes = False,
) -> None:
    """Approve or reject many gates with one reason. Each is shown with its digest and answered by itself."""
    if decision not in ("approve", "reject"):
        raise typer.BadParameter(f"{decision}: say approve or reject", param_hint="approve|reject")
    if not group and not circuit:
        raise typer.BadParameter("say which: --group or --circuit", param_hint="--group")
    with talking(context) as api:
        need(reason, "many decisions need a reason: it is kept with each of them")
        chosen = _chosen(parse(Gates, api.gates(GATES_MAX, mine=True)).gates, group, circuit or [])
        put(gates_table(chosen, datetime.now(UTC), digests=True))
        if not yes:
            confirm(f"{decision.capitalize()} {len(chosen)} gates?")
        answers = parse(Answers, api.decide_many(_decisions(chosen, decision), reason)).answers
        well = ("accepted", "already_done")
        for each in answers:
            detail = f": {each.detail}" if each.detail else ""
            say(f"{each.release_id}  {each.answer.replace('_', ' ')}{detail}", "" if each.answer in well else "red")
        refused = sum(each.answer not in well for each in answers)
        if refused:
            say(f"{refused} of {len(answers)} were not decided: look at them again with  {COMMAND} waiting")
            raise typer.Exit(ENDED_OTHERWISE)


def _chosen(gates: Sequence[Waits], group: str, circuits: Sequence[str]) -> list[Waits]:
    """Raises ApiError where none is meant, or a circuit that was named has none."""
    wanted = {each.replace("-", "/") for each in circuits}
    chosen = [each for each in gates if group in ("", each.group) and (not wanted or each.circuit in wanted)]
    if missing := sorted(wanted - {each.circuit for each in chosen}):
        raise ApiError(f"no gate of {', '.join(missing)} waits for you: nothing was sent")
    if not chosen:
        raise ApiError(f"no gate of group {group} waits for you: see {COMMAND} waiting")
    return chosen


def _decisions(chosen: Sequence[Waits], decision: str) -> list[dict[str, Any]]:
    return [
        {
            "release_id": each.release_id,
            "stage": each.gate.stage,
            "digest": each.gate.digest,
            "decision": decision,
        }
        for each in chosen
    ]


def gates_table(gates: Sequence[Waits], now: datetime, *, digests: bool = False) -> Table:
    """One line a gate, with what speaks against a yes; with `digests` what a decision is about."""
    table = Table("release", "gate", "for", "group", "ends", "look at", *(["digest"] if digests else []))
    table.columns[0].no_wrap = True
    for each in gates:
        bad = any(warning.is_bad for warning in each.gate.warnings)
        notes = [warning.text for warning in each.gate.warnings] + ([each.because] if each.because else [])
        critical = " (critical)" if each.criticality == "high" else ""
        table.add_row(
            Line(each.release_id),
            Line(f"{each.gate.stage} of {each.asset}"),
            Line(f"{each.circuit or 'the fleet'}{critical}"),
            Line(each.group),
            Line(left(each.until, now)),
            Line("; ".join(notes), style="red" if bad else ""),
            *([Line(each.gate.digest[:12])] if digests else []),
        )
    return table
