"""Values of an expression, as far as they are known before a deployment."""

from collections.abc import Iterable
from typing import Any

from infra.check.problem import Place


class Unknown:
    """What only a deployment knows: the `properties` of a resource, a parameter that was not given.

    `type_id` is the number of its type in the table, where that is known: reading a property is checked against it.
    """

    def __init__(self, what: str = "", type_id: int | None = None) -> None:
        self.what = what
        self.type_id = type_id

    def __repr__(self) -> str:
        return f"<{self.what or 'unknown'}>"


class Obj(dict[str, Any]):
    """An object that knows where it stands, and where each of its properties does."""

    def __init__(self, items: Iterable[tuple[str, Any]] = (), place: Place | None = None) -> None:
        super().__init__(items)
        self.place = place
        self.places: dict[str, Place] = {}

    def place_of(self, key: str) -> Place | None:
        """Where a property stands; the object's place for one it lacks."""
        return self.places.get(key, self.place)


def is_known(value: Any) -> bool:
    """Whether no part of the value is unknown."""
    if isinstance(value, dict):
        return all(is_known(each) for each in value.values())
    if isinstance(value, list):
        return all(is_known(each) for each in value)
    return not isinstance(value, Unknown)
