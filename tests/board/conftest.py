"""One local cloud with a small fleet, one browser; each test has circuits of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.board import browser as chromium
from tests.board.works import Works, running


@pytest.fixture(scope="package")
def works(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Works]:
    with running(tmp_path_factory.mktemp("board")) as works:
        yield works


@pytest.fixture(scope="package")
def launched() -> Iterator[Browser]:
    with chromium.browser() as browser:
        yield browser


People = Callable[..., Page]


@pytest.fixture
def people(works: Works, launched: Browser) -> Iterator[People]:
    """`people("Engineer One", "/releases", width=375)`: signed in, each with a browser of their own. A page that throws
    an error, or does what its policy forbids, fails the test."""
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def come(person: str, path: str = "/", *, width: int = 1440, theme: str = "light") -> Page:
        context = chromium.somebody(launched, width=width, height=812 if width < 500 else 900, theme=theme)
        contexts.append(context)
        context.on("weberror", lambda error: problems.append(str(error.error)))
        context.on(
            "console", lambda said: problems.append(said.text) if "Content Security Policy" in said.text else None
        )
        return chromium.signed_in(context, works.url, person, path)

    yield come
    for context in contexts:
        context.close()
    assert problems == []
