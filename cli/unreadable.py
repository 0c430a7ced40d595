"""Stored records that the app cannot read: every list names them, below what it shows."""

from typing import Any

from cli.api import parse
from cli.session import errors
from cli.views import Text, View


class Unreadable(View):
    """One record."""

    id: Text
    reason: Text


class _List(View):
    unreadable: tuple[Unreadable, ...] = ()
    unreadable_proposals: tuple[Unreadable, ...] = ()


def tell_unreadable(answer: Any) -> None:
    """Says which records of the answer, or of one of its parts, the app cannot read, and how many they are."""
    parts = [answer, *answer.values()] if isinstance(answer, dict) else []
    lists = [parse(_List, part) for part in parts if isinstance(part, dict)]
    found = [each for part in lists for each in (*part.unreadable, *part.unreadable_proposals)]
    for each in found:
        errors.print(f"unreadable: {each.id}: {each.reason}", style="red", markup=False, soft_wrap=True)
    if found:
        errors.print(f"{len(found)} of the list could not be read by this version of the app.", style="red")
