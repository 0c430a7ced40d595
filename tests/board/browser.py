"""A browser as people have one: the machine's own Chromium, signed in by the page that the authority shows."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

PATIENCE_MS = 20_000
"""How long a condition is waited for; a machine that is busy with other tests is slow."""


def chromium_path() -> str:
    """Where the browser is. Raises RuntimeError with what to do: a suite that is skipped would prove nothing."""
    named = os.environ.get("SWITCHYARD_CHROMIUM")
    found = named or shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found:
        raise RuntimeError(
            "the tests of the board need Chromium: `apt-get install chromium`, or set SWITCHYARD_CHROMIUM to its path"
        )
    return found


@contextmanager
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        try:
            yield launched
        finally:
            launched.close()


def somebody(launched: Browser, *, width: int = 1440, height: int = 900, theme: str = "light") -> BrowserContext:
    """A person with a browser of their own."""
    context = launched.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
        locale="en-GB",
    )
    context.set_default_timeout(PATIENCE_MS)
    return context


def signed_in(context: BrowserContext, board: str, person: str, path: str = "/") -> Page:
    """Opens `path` of the board as the demo person of this name, and is back there."""
    page = context.new_page()
    page.goto(board + path)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="who are you?").wait_for()
    page.get_by_role("button", name=person).click()
    page.get_by_role("status").filter(has_text="Live").wait_for()
    return page
