"""One part of the app with its ports."""

from collections.abc import Callable
from functools import cache
from typing import Generic, TypeVar

P = TypeVar("P")


class Root(Generic[P]):
    """The ports of one part of the app, made by the first call. To be called on the event loop, which the async clients
    belong to from then on."""

    def __init__(self, make: Callable[[], P]) -> None:
        self._make = cache(make)
        self._provided: Callable[[], P] | None = None

    def __call__(self) -> P:
        return self._provided() if self._provided else self._make()

    def provide(self, made: Callable[[], P] | None) -> None:
        """Has calls answer with what `made` makes, until None is provided: for whoever runs the functions on fakes."""
        self._provided = made
