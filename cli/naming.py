"""Ids as people type them: the whole, its beginning, its end, or the circuit that it is about."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

CANDIDATES_MAX = 10
PART_MIN = 3
"""Characters that a part of an id has at least."""

_CIRCUIT = re.compile(r"(?P<plant>P\d+)[-/](?P<circuit>C\d+)", re.IGNORECASE)


class AmbiguousError(Exception):
    """Several things are meant; the text lists them."""


@dataclass(frozen=True)
class Named:
    """Something that has an id. `circuit` is whom it is for, as P001/C001; empty where it is for nobody alone."""

    id: str
    circuit: str = ""
    open: bool = False
    state: str = ""


def circuit_of(text: str) -> str:
    """`P001/C001` for a circuit, written with a dash or a slash; empty for anything else."""
    found = _CIRCUIT.fullmatch(text.strip())
    return f"{found['plant']}/{found['circuit']}".upper() if found else ""


def meant(text: str, listed: Callable[[], Sequence[Named]]) -> str:
    """The id that `text` means; empty where nothing is meant.

    A circuit means what is open for it or else what is first in the list; a part of an id, at least three characters,
    the id that begins or ends with it. Raises AmbiguousError.
    """
    if circuit := circuit_of(text):
        of_it = [each for each in listed() if each.circuit == circuit]
        found = [each for each in of_it if each.open] or of_it[:1]
    elif len(text) < PART_MIN:
        return ""
    else:
        known = listed()
        found = [each for each in known if each.id.startswith(text)] or [
            each for each in known if each.id.endswith(text)
        ]
    if len(found) > 1:
        shown = [f"  {each.id}  {each.state}".rstrip() for each in found[:CANDIDATES_MAX]]
        more = [f"  and {len(found) - CANDIDATES_MAX} more"] if len(found) > CANDIDATES_MAX else []
        raise AmbiguousError("\n".join((f"{text} may be any of these, so say which:", *shown, *more)))
    return found[0].id if found else ""
