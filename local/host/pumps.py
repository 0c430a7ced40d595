"""The pumps that keep Service Bus triggers supplied with messages, and survive the broker's restarts.

A receiver of the real client costs about 0.45 s to open and as much to close. So a queue pump keeps one receiver
for good, and a session pump keeps an acceptor waiting in every free slot and gives sessions back in the
background: a message for a fresh session meets a link that is already open.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusReceivedMessage
from azure.servicebus.aio import AutoLockRenewer, ServiceBusClient, ServiceBusReceiver
from azure.servicebus.exceptions import OperationTimeoutError, ServiceBusError

from local.host.hostjson import ServiceBusOptions
from local.host.servicebus import Backoff, MessageHandler, QueueSource

# How long one receive waits before it looks whether the host stops.
RECEIVE_WAIT_S = 0.5
# How long an acceptor waits for a session before it asks again; the broker answers after its own limit (65 s).
ACCEPT_WAIT_S = 60.0
CLOSE_LIMIT_S = 2.0
# Renewal without limit, as far as a duration can say it.
UNLIMITED_RENEWAL_S = 10.0 * 365 * 24 * 3600

logger = logging.getLogger("host.servicebus")


class Pump:
    """What both kinds of pump share: the receiver options, background work and the way to stop."""

    def __init__(
        self, source: QueueSource, options: ServiceBusOptions, client: ServiceBusClient, handler: MessageHandler
    ) -> None:
        self._source = source
        self._options = options
        self._client = client
        self._handler = handler
        self._stopping = asyncio.Event()
        self._work: set[asyncio.Task[None]] = set()
        limit_s = options.max_auto_lock_renewal_s
        self._renewer = AutoLockRenewer(UNLIMITED_RENEWAL_S if limit_s is None else limit_s)

    def _spawn(self, task: asyncio.Task[None]) -> asyncio.Task[None]:
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return task

    async def run(self) -> None:
        """Receive until `stop` is called, then let the running invocations finish."""
        raise NotImplementedError

    def stop(self) -> None:
        """Take no further messages."""
        self._stopping.set()

    async def close(self) -> None:
        """Wait for the running invocations and abandon the messages that were not handled."""
        # The renewer is not closed: that would wait a second for its sleeps, which end with the process anyway.
        await asyncio.gather(*self._work, return_exceptions=True)

    def _report(self, error: Exception) -> None:
        # The client wraps most errors of a broken connection, but not all; a pump must outlive every one of them.
        expected = isinstance(error, (ServiceBusError, OSError))
        logger.warning("queue=%s: %s; trying again", self._source.queue, error, exc_info=None if expected else error)


class QueuePump(Pump):
    """A queue without sessions, or a dead-letter queue: one receiver, up to maxConcurrentCalls messages at once."""

    async def run(self) -> None:
        receiver = self._client.get_queue_receiver(
            self._source.queue,
            sub_queue=self._source.sub_queue,
            prefetch_count=self._options.prefetch_count,
            auto_lock_renewer=self._renewer,
        )
        backoff = Backoff()
        slots = asyncio.Semaphore(self._options.max_concurrent_calls)
        try:
            while not self._stopping.is_set():
                await slots.acquire()
                try:
                    messages = await self._receive(receiver)
                except Exception as error:
                    slots.release()
                    self._report(error)
                    await backoff.pause()
                    continue
                backoff.reset()
                if not messages:
                    slots.release()
                for message in messages:
                    task = self._spawn(asyncio.create_task(self._handler.handle(receiver, message)))
                    task.add_done_callback(lambda _: slots.release())
        finally:
            await asyncio.gather(*self._work, return_exceptions=True)
            await _close(receiver)

    async def _receive(self, receiver: ServiceBusReceiver) -> list[ServiceBusReceivedMessage]:
        # Opening takes about as long as one receive waits, and counts against it: left to receive_messages, it would
        # time out again and again. On an open receiver this does nothing.
        await receiver.__aenter__()
        return await receiver.receive_messages(max_message_count=1, max_wait_time=RECEIVE_WAIT_S)


class SessionPump(Pump):
    """A queue with sessions: each of maxConcurrentSessions slots holds a session or waits for one."""

    async def run(self) -> None:
        async with asyncio.TaskGroup() as slots:
            for _ in range(self._options.max_concurrent_sessions):
                slots.create_task(self._slot())

    async def _slot(self) -> None:
        backoff = Backoff()
        while not self._stopping.is_set():
            receiver = self._client.get_queue_receiver(
                self._source.queue,
                session_id=NEXT_AVAILABLE_SESSION,
                max_wait_time=ACCEPT_WAIT_S,
                auto_lock_renewer=self._renewer,
            )
            try:
                if await self._accept(receiver):
                    backoff.reset()
                    await self._serve(receiver)
            except OperationTimeoutError:
                backoff.reset()  # no session had messages; that is not a fault
            except Exception as error:
                self._report(error)
                await backoff.pause()
            finally:
                self._spawn(asyncio.create_task(_close(receiver)))

    async def _accept(self, receiver: ServiceBusReceiver) -> bool:
        """Wait for a session; false when the host stops first."""
        opening = asyncio.create_task(receiver.__aenter__())
        stopping = asyncio.create_task(self._stopping.wait())
        done, _ = await asyncio.wait({opening, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if opening in done:
            opening.result()  # raises what went wrong
            return True
        await _cancel(opening)
        return False

    async def _serve(self, receiver: ServiceBusReceiver) -> None:
        """Handle the session's messages in order until it has been idle for sessionIdleTimeout."""
        idle_s = self._options.session_idle_timeout_s
        loop = asyncio.get_running_loop()
        idle_since = loop.time()
        while not self._stopping.is_set():
            wait_s = min(RECEIVE_WAIT_S, max(0.01, idle_since + idle_s - loop.time()))
            messages: list[ServiceBusReceivedMessage] = await receiver.receive_messages(
                max_message_count=1, max_wait_time=wait_s
            )
            for message in messages:
                await self._handler.handle(receiver, message)
                idle_since = loop.time()
            if loop.time() - idle_since >= idle_s:
                return


async def _cancel(task: asyncio.Task[Any]) -> None:
    """Cancel and wait, but not for good: the client sometimes swallows a cancellation and goes on waiting."""
    task.cancel()
    await asyncio.wait({task}, timeout=CLOSE_LIMIT_S)


async def _close(receiver: ServiceBusReceiver) -> None:
    """Close within a limit: after a broker died, the goodbye can wait for an answer that never comes."""
    closing = asyncio.create_task(receiver.close())
    done, _ = await asyncio.wait({closing}, timeout=CLOSE_LIMIT_S)
    if not done:
        closing.cancel()
    elif not closing.cancelled() and closing.exception() is not None:
        logger.debug("a receiver did not close in order: %r", closing.exception())
