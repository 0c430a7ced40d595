"""Service Bus triggers: what one of them listens to, and what happens to each message.

Rules: docs/azure-facts.md#service-bus-in-the-functions-host. Peek-lock; success completes, failure abandons whatever
autoComplete says, so that the broker counts deliveries and dead-letters after its maximum.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from azure.servicebus import ServiceBusReceivedMessage, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusReceiver
from azure.servicebus.exceptions import MessageLockLostError, ServiceBusError, SessionLockLostError

from local.host.functions import AppLoadError, FunctionDef
from local.host.hostjson import ServiceBusOptions
from local.host.invoker import Invoker
from local.host.metadata import message_body, message_metadata
from local.host.protos import TypedData, text
from local.host.settings import resolve

DEAD_LETTER_SUFFIX = "/$deadletterqueue"
BACKOFF_FIRST_S = 0.25
BACKOFF_MOST_S = 2.0
SETTLE_ATTEMPTS = 4
SETTLE_PAUSE_S = 0.5

logger = logging.getLogger("host.servicebus")


@dataclass(frozen=True, kw_only=True)
class QueueSource:
    """The queue a trigger listens to."""

    connection: str
    queue: str
    dead_letter: bool
    sessions: bool
    auto_complete: bool

    @classmethod
    def of(cls, function: FunctionDef, options: ServiceBusOptions) -> QueueSource:
        """Read the trigger. Raises AppLoadError for topics and batches, which are not mirrored."""
        trigger = function.trigger
        _refuse_unsupported(function.name, trigger)
        name = resolve(trigger["queueName"])
        dead_letter = name.lower().endswith(DEAD_LETTER_SUFFIX)
        auto_complete = trigger.get("autoCompleteMessages")
        return cls(
            connection=resolve(trigger.get("connection") or "AzureWebJobsServiceBus"),
            queue=name[: -len(DEAD_LETTER_SUFFIX)] if dead_letter else name,
            dead_letter=dead_letter,
            # A dead-letter queue has no sessions, whatever its queue has.
            sessions=bool(trigger.get("isSessionsEnabled")) and not dead_letter,
            auto_complete=options.auto_complete if auto_complete is None else bool(auto_complete),
        )

    @property
    def sub_queue(self) -> ServiceBusSubQueue | None:
        """The sub-queue to ask the client for."""
        return ServiceBusSubQueue.DEAD_LETTER if self.dead_letter else None


def _refuse_unsupported(name: str, trigger: Mapping[str, Any]) -> None:
    if not trigger.get("queueName"):
        raise AppLoadError(f"function '{name}': topics are not supported by the local host, only queues")
    if str(trigger.get("cardinality") or "one").lower() == "many":
        raise AppLoadError(f"function '{name}': cardinality 'many' is not supported by the local host, only 'one'")


class Backoff:
    """Growing pauses between attempts to reach the broker, with jitter so that pumps do not march in step."""

    def __init__(self) -> None:
        self._next_s = BACKOFF_FIRST_S

    def reset(self) -> None:
        """Start over after something worked."""
        self._next_s = BACKOFF_FIRST_S

    async def pause(self) -> None:
        """Wait, and wait longer next time."""
        pause_s, self._next_s = self._next_s, min(self._next_s * 2, BACKOFF_MOST_S)
        await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # nosec B311 # jitter


class MessageHandler:
    """Runs the function for one message and settles the message."""

    def __init__(self, function: FunctionDef, source: QueueSource, invoker: Invoker) -> None:
        self._function = function
        self._source = source
        self._invoker = invoker
        self._binary = str(function.trigger.get("dataType") or "").lower() == "binary"

    async def handle(self, receiver: ServiceBusReceiver, message: ServiceBusReceivedMessage) -> None:
        """Never raises for a failed function or a lost lock; the broker then delivers the message again."""
        succeeded = await self._run(message)
        if succeeded and not self._source.auto_complete:
            return
        settle = receiver.complete_message if succeeded else receiver.abandon_message
        for attempts_left in reversed(range(SETTLE_ATTEMPTS)):
            try:
                await settle(message)
                return
            except (MessageLockLostError, SessionLockLostError) as error:
                self._not_settled(message, error)
                return
            except ServiceBusError as error:
                if not attempts_left:
                    self._not_settled(message, error)
                    return
                await asyncio.sleep(SETTLE_PAUSE_S)  # the receiver reconnects meanwhile

    def _not_settled(self, message: ServiceBusReceivedMessage, error: ServiceBusError) -> None:
        logger.warning(
            "function=%s message=%s could not be settled and will be delivered again: %s",
            self._function.name,
            message.message_id,
            error,
        )

    async def _run(self, message: ServiceBusReceivedMessage) -> bool:
        try:
            body = message_body(message, binary=self._binary)
        except ValueError as error:
            logger.error("function=%s cannot bind: %s", self._function.name, error)
            return False
        readable = body.decode("utf-8", "replace")
        data = TypedData(bytes=body) if self._binary else text(readable)
        metadata = message_metadata(message, readable)
        return (await self._invoker.invoke(self._function, data, metadata=metadata)).succeeded
