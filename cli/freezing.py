"""Commands for freezes: freeze, freezes, lift. A freeze stops forward changes of production, never a way back."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from cli.api import ApiError, parse
from cli.deciding import Yes, need
from cli.endings import confirm
from cli.moments import moment
from cli.printing import put, say
from cli.reading import AsJson, print_json
from cli.session import console, talking
from cli.show import clock, span
from cli.typed import COMMAND
from cli.unreadable import tell_unreadable
from cli.views import Freeze, Freezes

Scope = Annotated[
    str, typer.Argument(metavar="SCOPE", help="fleet, a plant (P001), a circuit (P001-C001) or a model online.")
]
FreezeId = Annotated[
    str, typer.Argument(metavar="ID", help="The freeze's id, its beginning or end, as `freezes` shows it.")
]
Why = Annotated[str, typer.Option("--reason", help="Why; waiting releases show it.")]
Until = Annotated[str, typer.Option("--until", help="When it ends, such as 2026-12-01T06:00; UTC unless it says so.")]
Hours = Annotated[float, typer.Option("--hours", help="How long it lasts, instead of --until.")]
Start = Annotated[str, typer.Option("--from", help="When it starts, in the form of --until. Now, if left out.")]


def freeze(
    context: typer.Context,
    scope: Scope,
    reason: Why,
    until: Until = "",
    hours: Hours = 0,
    start: Start = "",
    yes: Yes = False,
) -> None:
    """Stop forward changes of production for a while: of the fleet, of a plant or of a circuit."""
    with talking(context) as api:
        need(reason, "a freeze needs a reason: whoever waits for its end will read it")
        wish = _wish(scope.replace("/", "-"), reason, until, hours, start)
        if not yes:
            say(what_freezing_does(wish))
            confirm(f"Freeze {wish['scope']}?")
        made = parse(Freeze, api.freeze(wish))
        said = "Frozen" if made.active else "Planned"
        say(f"{said}: {made.scope} from {clock(made.starts_at)} until {clock(made.ends_at)}.")
        say(f"End it early with:  {COMMAND} lift {made.freeze_id} --reason '...'")


def freezes(context: typer.Context, as_json: AsJson = False) -> None:
    """List freezes that are active or planned: who set them, why, until when, and who can lift them."""
    with talking(context) as api:
        answer = api.freezes()
        if as_json:
            print_json(answer)
            return
        tell_unreadable(answer)
        listed = parse(Freezes, answer)
        if not listed.freezes:
            console.print("Nothing is frozen.")
            return
        put(freezes_table(listed.freezes, datetime.now(UTC)))
        say(f"Members of {' or '.join(listed.who_can_lift)} can lift them.")


def lift(context: typer.Context, freeze_id: FreezeId, reason: Why) -> None:
    """End a freeze before its time. Releases that wait behind it go on at once."""
    with talking(context) as api:
        need(reason, "lifting a freeze needs a reason: whoever set it will read it")
        lifted = parse(Freeze, api.lift(freeze_id, reason))
        freeze_id = lifted.freeze_id
        when = clock(lifted.lifted_at) if lifted.lifted_at else "now"
        say(f"{lifted.scope} is not frozen by {freeze_id} any more.")
        say(f"Lifted by {lifted.lifted_by} at {when}: {lifted.lift_reason}")


def what_freezing_does(wish: dict[str, Any]) -> str:
    """Who will wait and who will not."""
    long = f"until {wish['until']}" if "until" in wish else f"for {span(timedelta(hours=wish['hours']))}"
    begins = f"from {wish['starts_at']} on" if "starts_at" in wish else "from now on"
    return (
        f"If you freeze {wish['scope']}: {begins}, {long}, no release brings anything new to it; releases wait and go "
        "on afterwards. Changes that were sent already are read back. Rollbacks and aborts are never stopped."
    )


def freezes_table(listed: list[Freeze], now: datetime) -> Table:
    """The next end first."""
    table = Table("id", "scope", "state", "until", "who", "reason")
    table.columns[0].overflow = "fold"
    for each in listed:
        state = Text("active", style="cyan") if each.active else Text(f"starts {clock(each.starts_at)}")
        until = f"{clock(each.ends_at)} (in {span(each.ends_at - now)})"
        table.add_row(Text(each.freeze_id), Text(each.scope), state, until, Text(each.who), Text(each.reason))
    return table


def _wish(scope: str, reason: str, until: str, hours: float, start: str) -> dict[str, Any]:
    if bool(until) == bool(hours):
        raise ApiError("say how long: give either --until or --hours")
    wish: dict[str, Any] = {"scope": scope, "reason": reason}
    wish |= {"until": moment(until)} if until else {"hours": hours}
    return {**wish, "starts_at": moment(start)} if start else wish
