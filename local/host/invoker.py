"""Runs invocations: one id each, a log line each, the function timeout, and waiting for those in flight.

functionTimeout is the platform's: the invocation fails and the worker process is restarted, because a stuck thread
cannot be stopped (docs/azure-facts.md#time-outs-of-the-functions-host). This host has the worker in its own process,
so it ends with EXIT_FUNCTION_TIMEOUT and its supervisor starts it again.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from local.host.functions import FunctionDef
from local.host.logs import current_invocation
from local.host.protos import TypedData
from local.host.worker import Attempt, Worker, WorkerResult

EXIT_FUNCTION_TIMEOUT = 75
EXIT_WORKER_DIED = 76
# After a timeout the event loop gets this long to report the failure and leave before the watchdog ends the process.
WATCHDOG_GRACE_S = 2.0
WATCHDOG_PERIOD_S = 0.25

logger = logging.getLogger("host.invocation")


class OutputFailed(Exception):
    """An output of a function could not be sent; the text says which and why."""


# Sends what a function gave. Raises OutputFailed.
SendOutputs = Callable[[FunctionDef, WorkerResult], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class _Running:
    function: str
    deadline: float  # time.monotonic()


class Invoker:
    """Executes functions of one worker; `on_fatal` gets the exit code when the process must end."""

    def __init__(
        self,
        worker: Worker,
        timeout_s: float | None,
        on_fatal: Callable[[int], None],
        send_outputs: SendOutputs | None = None,
    ) -> None:
        self._worker = worker
        self._send_outputs = send_outputs
        self._timeout_s = timeout_s
        self._on_fatal = on_fatal
        self._running: dict[str, _Running] = {}
        self._tasks: set[asyncio.Task[WorkerResult]] = set()

    async def invoke(
        self,
        function: FunctionDef,
        data: TypedData,
        *,
        metadata: Mapping[str, TypedData] | None = None,
        attempt: Attempt | None = None,
        trace_parent: str = "",
    ) -> WorkerResult:
        """Run `function` once. Never raises for what the function does: failures are in the result."""
        invocation_id = str(uuid.uuid4())
        started = time.monotonic()
        self._running[invocation_id] = _Running(
            function=function.name,
            deadline=started + self._timeout_s if self._timeout_s is not None else float("inf"),
        )
        task = asyncio.create_task(
            self._execute(function, data, invocation_id, metadata or {}, attempt or Attempt(), trace_parent)
        )
        # Whoever waits here may be cancelled when the host stops; the function itself runs on and is drained.
        self._keep(task)
        task.add_done_callback(lambda _: self._running.pop(invocation_id, None))
        done, _ = await asyncio.wait({task}, timeout=self._timeout_s)
        result = task.result() if done else self._timed_out(function)
        _report(function.name, invocation_id, time.monotonic() - started, result)
        return result

    async def _execute(
        self,
        function: FunctionDef,
        data: TypedData,
        invocation_id: str,
        metadata: Mapping[str, TypedData],
        attempt: Attempt,
        trace_parent: str,
    ) -> WorkerResult:
        current_invocation.set(invocation_id)
        logger.info("Executing function=%s", function.name)
        try:
            result = await self._worker.invoke(
                function,
                data,
                invocation_id=invocation_id,
                metadata=metadata,
                attempt=attempt,
                trace_parent=trace_parent,
            )
            if result.succeeded and self._send_outputs is not None:
                await self._send_outputs(function, result)
            return result
        except OutputFailed as error:
            return WorkerResult(succeeded=False, error=str(error))
        except SystemExit as ending:
            # In Azure this ends the worker process and everything in flight in it.
            logger.critical("function=%s called sys.exit(%s): the host ends", function.name, ending.code)
            self._on_fatal(EXIT_WORKER_DIED)
            return WorkerResult(succeeded=False, error=f"the function called sys.exit({ending.code})")

    def _timed_out(self, function: FunctionDef) -> WorkerResult:
        message = f"Timeout value of {self._timeout_s:g} s was exceeded by function '{function.name}'"
        logger.critical("%s: the host ends, as the platform restarts its worker", message)
        self._on_fatal(EXIT_FUNCTION_TIMEOUT)
        return WorkerResult(succeeded=False, error=message)

    def start_in_background(
        self, function: FunctionDef, data: TypedData, metadata: Mapping[str, TypedData] | None = None
    ) -> None:
        """Run an invocation whose caller does not wait (admin API); `drain` still waits for it."""
        self._keep(asyncio.create_task(self.invoke(function, data, metadata=metadata)))

    def _keep(self, task: asyncio.Task[WorkerResult]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def in_flight(self) -> int:
        """How many invocations run now."""
        return len(self._running)

    async def drain(self, timeout_s: float) -> bool:
        """Wait until nothing runs, at most `timeout_s`; false when something still does."""
        deadline = time.monotonic() + timeout_s
        while self._tasks and (left_s := deadline - time.monotonic()) > 0:
            await asyncio.wait(set(self._tasks), timeout=left_s)
        return not self._tasks

    def start_watchdog(self) -> None:
        """Guard against functions that block the event loop itself, where no asyncio timeout can fire."""
        if self._timeout_s is not None:
            threading.Thread(target=self._watch, name="function-timeout", daemon=True).start()

    def _watch(self) -> None:
        while True:
            time.sleep(WATCHDOG_PERIOD_S)
            now = time.monotonic()
            late = next((r for r in list(self._running.values()) if now > r.deadline + WATCHDOG_GRACE_S), None)
            if late:
                logger.critical("function '%s' exceeded functionTimeout and blocks the event loop", late.function)
                logging.shutdown()
                os._exit(EXIT_FUNCTION_TIMEOUT)


def _report(function: str, invocation_id: str, duration_s: float, result: WorkerResult) -> None:
    milliseconds = duration_s * 1000
    if result.succeeded:
        logger.info(
            "Executed function=%s id=%s duration_ms=%.1f result=Succeeded", function, invocation_id, milliseconds
        )
        return
    logger.error(
        "Executed function=%s id=%s duration_ms=%.1f result=Failed error=%s\n%s",
        function,
        invocation_id,
        milliseconds,
        result.error,
        result.stack,
    )
