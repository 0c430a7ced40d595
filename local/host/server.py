"""Life of the host process: bind, load, announce, serve, and end with the right exit code."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import socket
from collections.abc import Iterator
from dataclasses import replace

import uvicorn

from local.conventions import LOOPBACK
from local.host.app import Host, HostOptions, asgi
from local.host.settings import describe_platform

PART = "host"
# In-flight invocations get this long after SIGTERM.
DRAIN_LIMIT_S = 10.0
# After a fatal event: time for failed invocations to be answered and their messages to be given back.
FATAL_GRACE_S = 0.5

logger = logging.getLogger("host")


class _Server(uvicorn.Server):
    """uvicorn without its signal handling: this module decides what a signal means and which code the exit has."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HostProcess:
    """Runs one host from start to end."""

    def __init__(self, options: HostOptions) -> None:
        self._socket = socket.create_server((LOOPBACK, options.port), backlog=512)
        port = self._socket.getsockname()[1]
        self._options = replace(options, port=port)
        self._ending: asyncio.Event | None = None
        self._exit_code = 0
        describe_platform(port)

    async def run(self) -> int:
        """Serve until a signal or a fatal event; returns the exit code."""
        self._ending = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ending.set)
        host = Host(self._options, self._fatal)
        await host.load()
        server = _Server(
            uvicorn.Config(
                asgi(host.respond),
                lifespan="off",
                access_log=False,
                log_config=None,
                timeout_graceful_shutdown=int(DRAIN_LIMIT_S),
            )
        )
        serving = asyncio.create_task(server.serve(sockets=[self._socket]))
        if host.invoker:
            host.invoker.start_watchdog()
        if host.triggers:
            host.triggers.start()
        self._announce(host.error)
        await self._ending.wait()
        await self._end(host, server, serving)
        return self._exit_code

    def _announce(self, error: str | None) -> None:
        line = {"ready": error is None, "part": PART, "port": self._options.port}
        if error is not None:
            line["error"] = error
        print(json.dumps(line), flush=True)

    def _fatal(self, exit_code: int) -> None:
        self._exit_code = self._exit_code or exit_code
        assert self._ending is not None  # nosec B101 # for the type checker: set before anything runs
        self._ending.set()

    async def _end(self, host: Host, server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
        limit_s = FATAL_GRACE_S if self._exit_code else DRAIN_LIMIT_S
        logger.info("ending: at most %g s for what is in flight", limit_s)
        server.should_exit = True
        if host.triggers:
            host.triggers.stop()
        try:
            async with asyncio.timeout(limit_s):
                await asyncio.gather(serving, self._finish(host, limit_s))
        except TimeoutError:
            in_flight = host.invoker.in_flight if host.invoker else 0
            logger.warning("ended with %d invocation(s) in flight", in_flight)

    async def _finish(self, host: Host, limit_s: float) -> None:
        if host.invoker:
            await host.invoker.drain(limit_s)
        if host.triggers:
            await host.triggers.close()
        if host.outputs:
            await host.outputs.close()
