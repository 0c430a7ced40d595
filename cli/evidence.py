"""`evidence`: hand in an executed notebook for an environment release, and see what the approval matrix says to it."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cli.api import ApiError, parse
from cli.printing import put, say
from cli.reading import AsJson, ReleaseId, print_json
from cli.saving import save
from cli.session import talking
from cli.show import clock, evidence_text
from cli.typed import COMMAND
from cli.views import Evidence, EvidenceAccepted

SENT_BYTES_MAX = 32 * 1024 * 1024
"""The app's own limit is lower and it says so; a file above this one is some other file, and is not sent at all."""

File = Annotated[
    Path | None,
    typer.Argument(
        metavar="FILE", help="The executed notebook, .ipynb; if left out, the evidence that is there is shown."
    ),
]

Download = Annotated[
    Path | None, typer.Option("--download", metavar="FILE", help="Save the notebook that was handed in as this file.")
]


def evidence(
    context: typer.Context, release_id: ReleaseId, file: File = None, download: Download = None, as_json: AsJson = False
) -> None:
    """Hand in an executed notebook for an environment release, or show what was handed in, with the reasons."""
    with talking(context) as api:
        if download is not None:
            if file is not None:
                raise ApiError("either hand in a file or download one")
            save(download, api.evidence_file(release_id))
            return
        if file is None:
            answer = api.evidence(release_id)
            shown = parse(Evidence, answer)
        else:
            answer = api.submit_evidence(release_id, _content(file))
            accepted = parse(EvidenceAccepted, answer)
            shown = accepted.evidence
        if as_json:
            print_json(answer)
            return
        put(evidence_panel(shown))
        if file is not None:
            done = "Accepted." if accepted.answer == "accepted" else "It is the evidence of this release already."
            say(f"{done} See the gate with:  {COMMAND} show {release_id}")


def evidence_panel(shown: Evidence) -> RenderableType:
    """The advice, where it comes from, and every rule with why it holds or not."""
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="bold", no_wrap=True)
    rows.add_column(overflow="fold")
    rows.add_row("advice", evidence_text(shown))
    if shown.sha256:
        rows.add_row("SHA-256", Text(shown.sha256))
        at = f" at {clock(shown.submitted_at)}" if shown.submitted_at else ""
        rows.add_row("handed in", Text(f"by {shown.submitted_by}{at}, {shown.size_bytes:,} bytes"))
    rules = Table("rule", "holds", "why")
    for reason in shown.reasons:
        holds = Text("yes", style="green") if reason.holds else Text("no", style="red")
        rules.add_row(Text(reason.rule), holds, Text(reason.text))
    return Panel(Group(rows, rules), title=Text(f"evidence of {shown.release_id}"), title_align="left")


def _content(file: Path) -> bytes:
    try:
        if file.stat().st_size > SENT_BYTES_MAX:
            raise ApiError(f"{file} is larger than {SENT_BYTES_MAX // 1024**2} MiB: is it the notebook you mean?")
        return file.read_bytes()
    except OSError as error:
        raise ApiError(f"{file} cannot be read: {error.strerror or error}") from error
