"""The oracle of the soak, and a short soak: three kills instead of a hundred."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.soak.accounts import Account
from tests.soak.soak import turns
from tests.support.processes import REPOSITORY


@pytest.mark.parametrize(
    ("found", "problems"),
    [
        ({"a"}, []),
        ({"a", "b"}, []),
        ({"b"}, ["things: 1 lost, such as ['a']"]),
        ({"a", "c"}, ["things: 1 invented, such as ['c']"]),
    ],
)
def test_what_was_acknowledged_must_be_found_and_what_is_found_must_have_been_asked_for(
    found: set[str], problems: list[str]
) -> None:
    """What was asked for without an answer may be there or not."""
    account = Account("things", "any", lambda: found, asked={"a", "b"}, acknowledged={"a"})
    assert account.problems() == problems


def test_other_broken_promises_are_told() -> None:
    """Such as a message that came back."""
    account = Account("things", "any", list, broken=["a came back"])
    assert account.problems() == ["things: a came back"]


def test_all_parts_take_their_turns() -> None:
    """In every round each one once; the same seed gives the same order."""
    order = turns(("a", "b", "c"), 7, seed=1)
    assert (set(order[:3]), set(order[3:6]), len(order)) == ({"a", "b", "c"}, {"a", "b", "c"}, 7)
    assert order == turns(("a", "b", "c"), 7, seed=1)


@pytest.mark.e2e
def test_three_kills_under_load_lose_nothing() -> None:
    """Broker, Event Grid and identity; `make soak` kills all parts a hundred times."""
    command = [sys.executable, "-m", "tests.soak", "--kills", "3", "--parts", "servicebus,eventgrid,identity"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=100, cwd=REPOSITORY, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "nothing lost, nothing invented" in ended.stdout
