"""All Service Bus triggers of a host: one client per connection, one pump per function."""

from __future__ import annotations

import asyncio

from local.conventions import stop_if_broken
from local.host.connections import Connections
from local.host.functions import FunctionDef
from local.host.hostjson import ServiceBusOptions
from local.host.invoker import Invoker
from local.host.pumps import Pump, QueuePump, SessionPump
from local.host.servicebus import MessageHandler, QueueSource


class Bus:
    """Built before anything starts, so that a wrong trigger is found while the app loads."""

    def __init__(self, options: ServiceBusOptions, invoker: Invoker) -> None:
        self._options = options
        self._invoker = invoker
        self._connections = Connections()
        self._pumps: list[Pump] = []
        self._running: list[asyncio.Task[None]] = []

    def add(self, function: FunctionDef) -> None:
        """Listen for `function` too. Raises AppLoadError or SettingsError if its trigger cannot be served."""
        source = QueueSource.of(function, self._options)
        client = self._connections.client(source.connection)
        kind = SessionPump if source.sessions else QueuePump
        self._pumps.append(kind(source, self._options, client, MessageHandler(function, source, self._invoker)))

    def start(self) -> None:
        """Begin to receive."""
        for pump in self._pumps:
            task = asyncio.create_task(pump.run(), name="a Service Bus pump")
            task.add_done_callback(stop_if_broken)
            self._running.append(task)

    def stop(self) -> None:
        """Take no further messages."""
        for pump in self._pumps:
            pump.stop()

    async def close(self) -> None:
        """Wait until running invocations have settled their messages, and abandon the others."""
        await asyncio.gather(*self._running, return_exceptions=True)
        await asyncio.gather(*(pump.close() for pump in self._pumps))
        await self._connections.close()
