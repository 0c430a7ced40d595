"""docs/cli.md tells what the command really has and really ends with."""

import typer.main

from cli import endings
from cli.app import app
from tests.cli.test_json import commands
from tests.docs.pages import Page, page

PAGE = page("docs/cli.md")


def test_the_page_lists_every_command_once() -> None:
    listed = sorted(span for row in PAGE.section("Commands").tables[0][2:] for span in Page("", row[1]).spans)

    assert listed == sorted(commands(typer.main.get_command(app)))


def test_the_page_tells_every_status_that_the_command_ends_with() -> None:
    told = {int(row[0]) for row in PAGE.section("For scripts").tables[0][2:]}

    assert told == {value for name, value in vars(endings).items() if name.isupper() and not name.startswith("_")}
