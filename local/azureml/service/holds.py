"""Holds requests before they are handled, so that a test can look around or kill the client meanwhile.

A request whose sender hangs up while it is held never arrived: nothing is done for it.
"""

from __future__ import annotations

import asyncio

from starlette.requests import Request


class Holds:
    """The requests that are held now."""

    def __init__(self) -> None:
        self._held: dict[asyncio.Event, str] = {}

    def paths(self) -> list[str]:
        """Their paths, in the order in which they came."""
        return list(self._held.values())

    def let_go(self) -> None:
        """Let all held requests go on."""
        for go_on in self._held:
            go_on.set()

    async def hold(self, request: Request) -> bool:
        """Wait until `let_go`; False when the sender hung up before."""
        await request.body()  # the request keeps it for its handler; all that can be received after it is the end
        go_on = asyncio.Event()
        waits = [asyncio.ensure_future(go_on.wait()), asyncio.ensure_future(request.receive())]
        self._held[go_on] = request.url.path
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            del self._held[go_on]
            for each in waits:
                each.cancel()
        return go_on.is_set()
