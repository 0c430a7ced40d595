"""Writes docs/state-machine.md from the transition table; `--check` exits 1 when the committed page is stale."""

import sys
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from shared.domain.model import TERMINAL, Phase
from shared.domain.transitions import LIVE, TRANSITIONS

PATH = Path(__file__).parent / "state-machine.md"

#: Events that lead to the same place from every live phase are said once, above the picture.
_EVERYWHERE = {"AbortRequested", "MessageDeadLettered", "StepErrored", "LookDue"}

_HEAD = """# State machine of a model release

Generated from `shared/domain/transitions.py` by `python docs/state_machine.py`; do not edit.

The picture leaves out what holds everywhere: `AbortRequested` ends a release (through `settling` once production was
touched), `MessageDeadLettered` and a step that errored too often put it on hold, and `LookDue` looks without moving it.
The table below has every move.

"""


def moves() -> dict[tuple[Phase, Phase], list[str]]:
    """(from, to) -> names of the events that lead there; moves to the same phase are left out."""
    found: dict[tuple[Phase, Phase], list[str]] = defaultdict(list)
    for (phase, event), afters in TRANSITIONS.items():
        for after in afters:
            if after is not phase:
                found[phase, after].append(event.__name__)
    return found


def mermaid() -> str:
    """The picture."""
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> verifying : ModelRegistered"]
    order = list(Phase)
    for (phase, after), names in sorted(moves().items(), key=lambda m: (order.index(m[0][0]), order.index(m[0][1]))):
        shown = [name for name in names if name not in _EVERYWHERE]
        if shown and phase is not Phase.HELD:
            lines.append(f"    {phase.value} --> {after.value} : {', '.join(sorted(shown))}")
    lines.append("    held --> verifying : RetryRequested (back to the step that was held)")
    lines += [f"    {phase.value} --> [*]" for phase in order if phase in TERMINAL]
    return "\n".join([*lines, "```", ""])


def table() -> str:
    """Every legal pair."""
    lines = ["| phase | event | next |", "|---|---|---|"]
    for phase in LIVE:
        for (of, event), afters in TRANSITIONS.items():
            if of is phase:
                after = ", ".join(f"`{p.value}`" for p in Phase if p in afters)
                lines.append(f"| `{phase.value}` | {event.__name__} | {after} |")
    return "\n".join([*lines, ""])


def document() -> str:
    """The whole page."""
    return f"{_HEAD}{mermaid()}\n{table()}"


if __name__ == "__main__":
    if "--check" not in sys.argv:
        PATH.write_text(document())
    elif not PATH.exists() or PATH.read_text() != document():
        sys.exit(f"{PATH.name} is stale: run python docs/state_machine.py")
