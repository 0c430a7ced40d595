"""What the demos print, with the seconds since the start."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.text import Text

from cli.show import phase_text
from cli.views import Release

console = Console(highlight=False)
_begun = time.monotonic()


def elapsed() -> float:
    """Seconds since the demo began."""
    return time.monotonic() - _begun


def chapter(title: str) -> None:
    """A heading."""
    console.print()
    console.rule(f"[bold]{title}", align="left")


def say(text: str, style: str = "") -> None:
    """One line, with the time since the demo began."""
    line = Text(f"{elapsed():6.1f} s  ", style="dim")
    console.print(line.append(text, style=style or "default"), soft_wrap=True)


def show(part: RenderableType) -> None:
    """A table or a panel."""
    console.print(part)


def phase(release: Release) -> None:
    """Show the phase that the release is in now."""
    line = Text(f"{elapsed():6.1f} s    → ", style="dim").append_text(phase_text(release))
    detail = release.waiting.waits_for if release.waiting else release.reason
    console.print(line.append(f"  {detail}", style="default"), soft_wrap=True)


@contextmanager
def busy(text: str) -> Iterator[None]:
    """Show a spinner with `text` meanwhile."""
    with console.status(text):
        yield
