"""`python -m tests.board.screens`: pictures of every page, light and dark, wide and narrow, to be looked at.

They are of a local cloud that it starts: what is on them is real, so that no two runs are alike to the pixel.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Page

from local.supervisor.parts import REPOSITORY
from tests.board import browser as chromium
from tests.board import scene
from tests.board.works import Works, running

FOLDER = REPOSITORY / "board" / "screens"
SIZES = [(width, theme) for width in (1440, 375) for theme in ("light", "dark")]


LISTS = {
    "fleet": "/",
    "waiting": "/waiting",
    "releases": "/releases",
    "alerts": "/alerts",
    "health": "/models",
    "trainings": "/trainings",
    "changes": "/changes",
    "freezes": "/freezes",
    "audit": "/audit",
}


def pages(works: Works) -> dict[str, str]:
    """What there is to see, by the name of its picture; makes it so."""
    releases = {name: f"/releases/{release_id}" for name, release_id in scene.play(works).items()}
    circuit = scene.CIRCUITS[1]
    return {**LISTS, **releases, "circuit": f"/circuits/{circuit}", "fleet-circuit": f"/?open={circuit}"}


def taken(works: Works) -> Iterator[Path]:
    """Each picture, once it is there."""
    shown = pages(works)
    with chromium.browser() as launched:
        for width, theme in SIZES:
            context = chromium.somebody(launched, width=width, height=812 if width < 500 else 900, theme=theme)
            page = chromium.signed_in(context, works.url, "Engineer One")
            for name, address in shown.items():
                yield _picture(page, works.url + address, FOLDER / f"{name}-{width}-{theme}.png")
            context.close()


def _picture(page: Page, address: str, file: Path) -> Path:
    page.goto(address)
    page.get_by_role("heading", level=1).wait_for()
    page.wait_for_load_state("networkidle")
    page.screenshot(path=file, full_page=True)
    return file


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="switchyard-screens-") as directory,
        running(Path(directory), scene.CIRCUITS, ()) as works,
    ):
        for file in taken(works):
            sys.stdout.write(f"{file.relative_to(REPOSITORY)}\n")


if __name__ == "__main__":
    main()
