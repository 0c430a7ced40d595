"""How releases look in a terminal. Everything from the API is put in as text, never as markup."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.printing import as_lines, framed, is_narrow, whole
from cli.tallies import tallies
from cli.views import (
    ENVIRONMENT,
    ONLINE,
    RELEASED,
    ROLLBACK,
    ROLLED_BACK,
    CheckRun,
    Earlier,
    Endpoint,
    Entry,
    Evidence,
    Gate,
    Release,
    Summary,
)

_FOR_WHOM = {ENVIRONMENT: "circuits", ONLINE: "served as"}
"""What a release is for, by its kind."""

_ADDRESS = re.compile(r"(?<!\S)https?://\S+")

_SEE_ADDRESS = re.compile(r",? see https?://\S+")
"""What a list leaves out; `show` has it."""

HISTORY_COLUMNS = 100
"""Columns that the table of a history needs."""

_RUN = {ONLINE: "Comparison"}
"""What a job of a release is called."""


def clock(moment: datetime) -> str:
    """A time in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def span(length: timedelta) -> str:
    """A length of time in its two largest units."""
    seconds = max(0, int(length.total_seconds()))
    units = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))
    parts: list[str] = []
    for size, name in units:
        count, seconds = divmod(seconds, size)
        if count or (name == "s" and not parts):
            parts.append(f"{count} {name}")
    return " ".join(parts[:2])


def until(moment: datetime | None, now: datetime) -> str:
    """A deadline and how far off it is."""
    if moment is None:
        return "no deadline"
    return f"{clock(moment)} ({left(moment, now)})"


def left(moment: datetime | None, now: datetime) -> str:
    """How far off a deadline is."""
    if moment is None:
        return "no deadline"
    return "overdue" if moment <= now else f"in {span(moment - now)}"


def effects_of(condition: str, effects: Iterable[str]) -> str:
    """What would happen, an effect a line."""
    return "\n".join((condition, *(f"  - {each}" for each in effects)))


def phase_text(release: Summary) -> Text:
    """The phase, coloured by what it means."""
    if release.undone_by:
        return Text(f"{release.phase}, undone", style="red")
    if release.phase == RELEASED:
        style = "green"
    elif release.ended:
        style = "red"
    else:
        style = "yellow" if release.needs_a_person else "cyan"
    return Text(release.phase, style=style)


def releases_table(releases: Iterable[Summary], now: datetime) -> RenderableType:
    """Id (it names model and circuit) over what it waits for or why it ended, phase over the time left.

    The id has a line of its own, so that it can be copied; below 80 columns all of it is lines.
    """
    if is_narrow():
        return Group(*(line for release in releases for line in _release_lines(release, now)))
    table = Table("release, and what it waits for", "phase, and time left")
    table.columns[0].overflow = "fold"
    table.columns[1].no_wrap = True
    for release in releases:
        about, end = _about_and_end(release, now)
        table.add_row(
            Text("\n".join(filter(None, (release.release_id, about)))),
            phase_text(release) + Text(f"\n{end}", style="default"),
        )
    return table


def _release_lines(release: Summary, now: datetime) -> Iterable[RenderableType]:
    about, end = _about_and_end(release, now)
    yield whole(Text(release.release_id, "bold"))
    yield Padding(phase_text(release) + Text(f", {end}", style="default"), (0, 0, 0, 2))
    if about:
        yield Padding(Text(about), (0, 0, 0, 2))


def _about_and_end(release: Summary, now: datetime) -> tuple[str, str]:
    wait = release.waiting
    about = wait.waits_for if wait else _why_ended(release)
    if release.version_attempt > 1:
        about = f"attempt {release.version_attempt}: {about}"
    return _SEE_ADDRESS.sub("", about), left(wait.until, now) if wait else "ended"


def _why_ended(release: Summary) -> str:
    """Of one that was undone, that: why it had been released is no longer what production runs."""
    return f"undone by {release.undone_by}" if release.undone_by else release.reason


def release_panel(release: Release, now: datetime) -> RenderableType:
    """Phase, waiting, open gate and check runs."""
    parts: list[RenderableType] = [_facts(_about(release, now))]
    if release.gate:
        parts.append(gate_panel(release.gate))
    checks = [
        line for run in release.check_runs for line in _check_lines(_RUN.get(release.kind, "Test inference"), run)
    ]
    told = {run.detail for run in release.check_runs}
    checks += [whole(each) for each in _ADDRESS.findall(release.reason) if not any(each in detail for detail in told)]
    endpoints = [_endpoints(release.endpoints)] if release.endpoints else []
    return Group(framed(release.release_id, *parts), *endpoints, *checks)


def _check_lines(name: str, run: CheckRun) -> Iterable[Text]:
    """Outside of every frame: a job's name and address are copied and clicked."""
    yield whole(f"{name} {run.attempt}: {run.verdict or 'running'}  {run.job_name}")
    if run.detail:
        yield whole(f"  {run.detail}")


def _endpoints(endpoints: Iterable[Endpoint]) -> RenderableType:
    """Who got the requests of each endpoint before, and who gets them now."""
    table = Table("endpoint", "slot", "before", "now", "last test", title="Endpoints", title_justify="left")
    for each in endpoints:
        name = f"{each.endpoint} in {each.side}: {each.state}"
        table.add_row(*map(Text, (name, each.slot, each.before, each.now, each.last_test)))
    return as_lines(table) if is_narrow() else table


def earlier_text(attempt: Earlier) -> str:
    """How an attempt before ended, and what was decided then."""
    back = f"; rolled back: {attempt.rolled_back}" if attempt.rolled_back else ""
    decided = f" ({'; '.join(attempt.decisions)})" if attempt.decisions else ""
    return f"{attempt.release_id} {attempt.phase}: {attempt.reason}{back}{decided}"


def _about(release: Release, now: datetime) -> list[tuple[str, str | Text]]:
    rows: list[tuple[str, str | Text]] = [
        (release.kind, release.model),
        (_FOR_WHOM.get(release.kind, "circuit"), release.circuit or "not known yet"),
        ("phase", phase_text(release)),
        ("since", f"{clock(release.phase_since)} ({span(now - release.phase_since)} ago)"),
        ("opened", clock(release.opened_at)),
    ]
    if release.earlier:
        rows.append(("attempt", f"{release.version_attempt} of {release.model}"))
        rows += [("before", earlier_text(each)) for each in release.earlier]
    if release.again_as:
        rows.append(("released again as", release.again_as))
    if release.attempt > 1:
        rows.append(("attempt of this step", str(release.attempt)))
    if release.waiting:
        rows += [
            ("waits for", release.waiting.waits_for),
            ("until", until(release.waiting.until, now)),
            ("who can end it", ", ".join(release.waiting.who_can_end_it)),
        ]
    if release.undone_by:
        rows.append(("undone by", release.undone_by))
    if release.reason:
        rows.append(("reason", _ADDRESS.sub("the address below", release.reason)))  # a frame would break it
    if release.evidence and (release.evidence.sha256 or release.evidence.required):
        rows.append(("evidence", evidence_text(release.evidence)))
    rows += [(tally.name, tally.text) for tally in tallies(release)]
    if release.registry_model_id:
        rows.append(("registry model", release.registry_model_id))
    if release.pull_request:
        rows.append(("pull request", release.pull_request))
    rows.append(("production", _production(release)))
    if release.previous_model:
        rows.append(("previous model", release.previous_model))
    return rows


def _production(release: Release) -> str:
    if release.undone_by or (release.phase == ROLLED_BACK and release.kind != ROLLBACK):
        return "changed by this release, and put back since"
    if any(each.side == "production" and each.state == "back" for each in release.endpoints):
        return "changed by this release, and put back since"
    return "changed by this release" if release.production_touched else "not touched"


def evidence_text(evidence: Evidence) -> Text:
    """The advice, coloured by what it means, and the two columns of the matrix it comes from."""
    style = {"approve": "green", "reject": "red"}.get(evidence.advice, "yellow")
    return Text(evidence.advice, style=style) + Text(f" ({evidence.quality}; {evidence.tests})", style="")


def gate_panel(gate: Gate) -> RenderableType:
    """The open gate with the facts that an approver decides on, and the digest a decision binds to."""
    needed = ", ".join(f"{rule.count} of {rule.group}" for rule in gate.approvals_needed)
    if gate.people_min > sum(rule.count for rule in gate.approvals_needed):
        needed += f"; {gate.people_min} different people in all"
    rows: list[tuple[str, str | Text]] = [
        *gate.facts.items(),
        ("approvals needed", needed),
        ("approved by", ", ".join(gate.approved_by) or "nobody yet"),
        ("digest", gate.digest),
    ]
    text = Text(gate.instructions, style="italic")
    return framed(f"gate of {gate.stage}", text, _facts(rows), border="yellow")


def _facts(rows: Iterable[tuple[str, str | Text]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(Text(name), value if isinstance(value, Text) else Text(value))
    return table


def history_table(entries: Iterable[Entry]) -> RenderableType:
    """Who, what, when; below 100 columns as lines. Entries that changed nothing, such as answers that came twice, are
    dim."""
    if is_narrow(HISTORY_COLUMNS):
        return Group(*(line for entry in entries for line in _entry_lines(entry)))
    table = Table("#", "when", "who", "phase", "what")
    table.columns[1].no_wrap = True
    table.columns[2].overflow = table.columns[3].overflow = "fold"
    for entry in entries:
        table.add_row(
            str(entry.number),
            clock(entry.at),
            Text(entry.actor),
            Text(entry.phase_after),
            Text(entry.note),
            style=_entry_style(entry),
        )
    return table


def _entry_lines(entry: Entry) -> Iterable[RenderableType]:
    style = _entry_style(entry)
    yield Text(f"{entry.number}  {clock(entry.at)}  {entry.actor}  {entry.phase_after}", style)
    if entry.note:
        yield Padding(Text(entry.note, style), (0, 0, 0, 3))


def _entry_style(entry: Entry) -> str:
    return "dim" if entry.is_idle else ""
