"""The fleet on the screen: a line per plant, a sign per circuit. What it shows comes from the app's API alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.views import Target

PLANTS_PER_BLOCK = 10  # a large fleet is several blocks side by side, so that it stays on one screen


@dataclass(frozen=True)
class Sign:
    """One circuit's cell."""

    character: str
    style: str
    meaning: str


_WAITING = Sign("·", "dim", "waits")
_GIVEN_UP = Sign("!", "bold red", "given up")
_ODD = Sign("?", "magenta", "unknown")

_BY_WORK: Mapping[str, Mapping[str, Sign]] = {
    "checking": {"waiting": _WAITING, "changing": Sign("▸", "cyan", "is checked"), "failed": _GIVEN_UP},
    "updating": {
        "waiting": _WAITING,
        "changing": Sign("▸", "cyan", "is updated"),
        "done": Sign("●", "green", "runs the new version"),
        "failed": _GIVEN_UP,
    },
    "rolling_back": {
        "untouched": Sign("–", "dim", "was not touched"),
        "waiting": Sign("●", "yellow", "runs the new version"),
        "changing": Sign("◂", "cyan", "is put back"),
        "done": Sign("✓", "green", "runs what it ran before"),
        "failed": _GIVEN_UP,
    },
    "verifying_rollback": {
        "untouched": Sign("✓", "green", "runs what it ran before"),
        "waiting": Sign("✓", "green", "runs what it ran before"),
        "changing": Sign("▸", "cyan", "runs a sample inference"),
        "done": Sign("★", "green", "ran a sample inference"),
        "failed": _GIVEN_UP,
    },
}
_BY_VERDICT: Mapping[str, Sign] = {
    "passed": Sign("✓", "green", "predicts the same"),
    "inconclusive": Sign("≈", "yellow", "predicts other values"),
    "failed": Sign("✗", "bold red", "does not work"),
    "errored": _GIVEN_UP,
}


def sign_of(target: Target, work: str | None) -> Sign:
    """How far a circuit is in the work that is done on the fleet, or what its check said."""
    if work == "checking" and target.progress == "done":
        return _BY_VERDICT.get(target.check or "", _ODD)
    return _BY_WORK.get(work or "", {}).get(target.progress, _ODD)


def matrix(targets: Iterable[Target], work: str | None) -> RenderableType:
    """A table of plants by circuits with a sign each, and the legend of these signs."""
    ordered = sorted(targets, key=lambda each: (each.plant_id, each.circuit_id))
    plants = [(plant, list(members)) for plant, members in groupby(ordered, key=lambda each: each.plant_id)]
    blocks = [
        _block(plants[start : start + PLANTS_PER_BLOCK], work) for start in range(0, len(plants), PLANTS_PER_BLOCK)
    ]
    return Group(Columns(blocks, padding=(0, 4)), _legend(ordered, work))


def _block(plants: Sequence[tuple[str, Sequence[Target]]], work: str | None) -> Table:
    circuits = sorted({target.circuit_id for _, members in plants for target in members})
    block = Table.grid(padding=(0, 1))
    block.add_row(Text(), *(Text(name.lstrip("C0") or name, style="dim") for name in circuits))
    for plant, members in plants:
        signs = {target.circuit_id: sign_of(target, work) for target in members}
        cells = (
            Text(signs[name].character, style=signs[name].style, justify="right") if name in signs else Text()
            for name in circuits
        )
        block.add_row(Text(plant, style="bold"), *cells)
    return block


def _legend(targets: Iterable[Target], work: str | None) -> Text:
    """Each sign once, with how many circuits have it."""
    count: dict[Sign, int] = {}
    for target in targets:
        sign = sign_of(target, work)
        count[sign] = count.get(sign, 0) + 1
    parts = [Text.assemble((sign.character, sign.style), f" {number} {sign.meaning}") for sign, number in count.items()]
    return Text("   ").join(parts)
