"""How a demo ends: how long it took, and where everything it did can be looked at."""

from __future__ import annotations

from pathlib import Path

from local.demos import screen
from local.supervisor.cloud import LocalCloud
from local.supervisor.typed import command


def tell_the_end(data: Path, next_steps: str) -> None:
    """The demo's cloud has stopped; its data and its ports are kept."""
    board = f"{LocalCloud(data, parts=()).urls['host']}/"
    again = f"{command()} local up --data {data}"
    width = max(len(board), len(again))
    screen.console.print(f"\nDone in {screen.elapsed():.0f} s. Logs and data: {data}\n", style="bold green")
    screen.console.print(
        "Look at what was done:\n"
        f"  {again:<{width}}  # starts it again, with everything in it\n"
        f"  {board:<{width}}  # then: the board, where you choose who you are\n",
        markup=False, soft_wrap=True,
    )  # fmt: skip
    screen.console.print(next_steps, markup=False, soft_wrap=True)
