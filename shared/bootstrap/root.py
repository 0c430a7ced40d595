"""One part of the app with its ports."""

import logging
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Generic, TypeVar

from shared.application.configuration import ConfigurationUnreadable
from shared.bootstrap.configuration import configurations

if TYPE_CHECKING:
    from shared.adapters.config.whole import WholeConfig

log = logging.getLogger(__name__)

P = TypeVar("P")


class Root(Generic[P]):
    """The ports of one part of the app, made by the first call. To be called on the event loop, which the async clients
    belong to from then on.

    A call gives them the configuration in force: whoever asks once for a message or a request sees one configuration.
    The part that `mends` goes on with the one that the app was published with where the one in force cannot be read:
    nothing else could bring a readable one.
    """

    def __init__(
        self, make: Callable[[], P], configured: "Callable[[P, WholeConfig], P]", *, mends: bool = False
    ) -> None:
        self._make = cache(make)
        self._configured = configured
        self._mends = mends
        self._provided: Callable[[], P] | None = None

    async def __call__(self) -> P:
        """Raises TransientFault and ConfigurationUnreadable."""
        if self._provided:
            return self._provided()
        try:
            whole = await configurations().in_force()
        except ConfigurationUnreadable as error:
            if not self._mends:
                raise
            log.error("%s", error)
            return self._make()
        return self._configured(self._make(), whole)

    def started(self) -> P:
        """The same with the configuration that the app was published with, which takes nothing from outside: for
        whoever asks it nothing, and has to go on while the table does not answer."""
        return self._provided() if self._provided else self._make()

    def provide(self, made: Callable[[], P] | None) -> None:
        """Has calls answer with what `made` makes, until None is provided: for whoever runs the functions on fakes."""
        self._provided = made
