"""Writes docs/state-machine.md from the transition tables; `--check` exits 1 when the committed page is stale."""

import sys
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from shared.domain.decide import MACHINES
from shared.domain.model import TERMINAL, Kind, Phase

PATH = Path(__file__).parent / "state-machine.md"

#: Events that lead to the same place from every live phase are said once, above the picture.
_EVERYWHERE = {"AbortRequested", "MessageDeadLettered", "StepErrored", "LookDue"}

_HEAD = """# State machines of releases

Generated from `shared/domain/transitions.py` and `shared/domain/fleet/transitions.py` by
`python docs/state_machine.py`; do not edit.

The pictures leave out what holds everywhere: `AbortRequested` ends a release (through `settling` or `rolling_back` once
production was touched), `MessageDeadLettered` and a step that errored too often put it on hold, and `LookDue` looks
without moving it. The tables have every move.

"""

_OPENED_BY = {Kind.MODEL: "ModelRegistered", Kind.ENVIRONMENT: "EnvironmentReleaseRequested"}


def moves(kind: Kind) -> dict[tuple[Phase, Phase], list[str]]:
    """(from, to) -> names of the events that lead there; moves to the same phase are left out."""
    found: dict[tuple[Phase, Phase], list[str]] = defaultdict(list)
    for (phase, event), afters in MACHINES[kind][0].items():
        for after in afters:
            if after is not phase:
                found[phase, after].append(event.__name__)
    return found


def mermaid(kind: Kind) -> str:
    """The picture."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> verifying : {_OPENED_BY[kind]}"]
    order = list(Phase)
    for (phase, after), names in sorted(
        moves(kind).items(), key=lambda m: (order.index(m[0][0]), order.index(m[0][1]))
    ):
        shown = [name for name in names if name not in _EVERYWHERE]
        if shown and phase is not Phase.HELD:
            lines.append(f"    {phase.value} --> {after.value} : {', '.join(sorted(shown))}")
    lines.append("    held --> verifying : RetryRequested (back to the step that was held)")
    ends = {after for _, after in moves(kind) if after in TERMINAL}
    lines += [f"    {phase.value} --> [*]" for phase in order if phase in ends]
    return "\n".join([*lines, "```", ""])


def table(kind: Kind) -> str:
    """Every legal pair."""
    lines = ["| phase | event | next |", "|---|---|---|"]
    for phase in Phase:
        for (of, event), afters in MACHINES[kind][0].items():
            if of is phase:
                after = ", ".join(f"`{p.value}`" for p in Phase if p in afters)
                lines.append(f"| `{phase.value}` | {event.__name__} | {after} |")
    return "\n".join([*lines, ""])


def document() -> str:
    """The whole page."""
    parts = (f"## Releases of kind `{kind.value}`\n\n{mermaid(kind)}\n{table(kind)}" for kind in Kind)
    return _HEAD + "\n".join(parts)


if __name__ == "__main__":
    if "--check" not in sys.argv:
        PATH.write_text(document())
    elif not PATH.exists() or PATH.read_text() != document():
        sys.exit(f"{PATH.name} is stale: run python docs/state_machine.py")
