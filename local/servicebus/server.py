"""The listener and its one rule: commit, then let answers leave.

Whatever became ready in one turn of the event loop is handled first, its answers gathered per connection;
then time passes, messages are delivered, one commit makes everything durable, and only then bytes go out.
That is durability and group commit in one.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3

from local.conventions import LOOPBACK
from local.servicebus.connection import Connection
from local.servicebus.queues.broker import Broker
from local.servicebus.service import Service
from local.servicebus.tokens import TokenChecker

_log = logging.getLogger(__name__)

MIN_SLEEP_S = 0.001
MAX_SLEEP_S = 5.0
"""The wall clock may jump; timers are looked at this often whatever they say."""
UNEXPECTED_EXIT = 70
STORE_FAILED_EXIT = 74


class Server:
    """Serves one broker. Create it inside a running event loop."""

    def __init__(self, broker: Broker, tokens: TokenChecker | None = None) -> None:
        self.service = Service(broker, tokens or TokenChecker())
        self.connections: set[Connection] = set()
        self.dirty: set[Connection] = set()
        """Connections with something to send after the next commit."""
        self._broker = broker
        self._loop = asyncio.get_running_loop()
        self._turn_planned = False
        self._sleep: asyncio.TimerHandle | None = None
        self._listener: asyncio.Server | None = None

    async def listen(self, port: int) -> int:
        """Start to serve; the port (a free one for 0)."""
        self._listener = await self._loop.create_server(lambda: Connection(self), LOOPBACK, port)
        self.wake()
        return int(self._listener.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop listening, send what is committed, close connections and store."""
        if self._listener is not None:
            self._listener.close()
        if self._sleep is not None:
            self._sleep.cancel()
        for connection in list(self.connections):
            connection.close()
        self._flush()
        await asyncio.sleep(0)  # let the closed transports send what they hold
        self._broker.close()

    def wake(self) -> None:
        """Plan a turn; everything that is ready before it runs shares its commit."""
        if not self._turn_planned:
            self._turn_planned = True
            self._loop.call_soon(self._turn)

    def deliver(self) -> None:
        """Hand out messages now (the bytes still wait for the commit)."""
        self.service.deliver()

    def store_failed(self, error: sqlite3.Error) -> None:
        """Memory is ahead of the disk: end at once, so that nothing more is acknowledged."""
        _log.critical("the store failed (%s); free disk space or check the data directory, then restart", error)
        os._exit(STORE_FAILED_EXIT)

    def _turn(self) -> None:
        self._turn_planned = False
        try:
            self._broker.tick()
            self.service.deliver()
            self._flush()
        except sqlite3.Error as error:
            self.store_failed(error)
        except Exception:  # what is in memory can no longer be trusted, what is on disk can
            _log.critical("unexpected failure; ending so that a restart goes on from the disk", exc_info=True)
            os._exit(UNEXPECTED_EXIT)
        if self._sleep is not None:
            self._sleep.cancel()
        due = self._broker.timers.next_due()
        sleep_s = MAX_SLEEP_S if due is None else due - self._broker.clock()
        self._sleep = self._loop.call_later(min(max(sleep_s, MIN_SLEEP_S), MAX_SLEEP_S), self.wake)

    def _flush(self) -> None:
        self._broker.commit()
        for connection in self.dirty:
            connection.flush()
        self.dirty.clear()
