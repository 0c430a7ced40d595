"""Output bindings of type serviceBus: what a function gives goes to a queue once the function has succeeded.

Rules: docs/azure-facts.md#service-bus-in-the-functions-host. Only the body travels: no session, id or properties, so
that a message for a queue with sessions cannot be sent this way. Text that looks like JSON counts as JSON: each item
of an array becomes a message of its own, and an object is written anew, indented. Bytes stay as they are. An output
that fails fails the invocation; what was sent before it stays sent.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import AzureError
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusSender

from local.host.connections import Connections
from local.host.functions import SERVICE_BUS_OUTPUT, AppLoadError, FunctionDef
from local.host.invoker import OutputFailed
from local.host.protos import TypedData
from local.host.settings import SettingsError, resolve
from local.host.worker import WorkerResult

RETURN = "$return"


@dataclass(frozen=True, kw_only=True)
class _Destination:
    binding: str
    queue: str
    sender: ServiceBusSender


class Outputs:
    """The output bindings of an app's functions. Building it finds a wrong one before anything runs."""

    def __init__(self, functions: Iterable[FunctionDef]) -> None:
        self._connections = Connections()
        self._senders: dict[tuple[str, str], ServiceBusSender] = {}
        self._destinations = {function.name: self._of(function) for function in functions}

    async def send(self, function: FunctionDef, result: WorkerResult) -> None:
        """Send what the function gave, in the order of its bindings. Raises OutputFailed."""
        for destination in self._destinations.get(function.name, ()):
            value = result.value if destination.binding == RETURN else result.outputs.get(destination.binding)
            for body in bodies(value):
                try:
                    await destination.sender.send_messages(ServiceBusMessage(body))
                except (AzureError, OSError, ValueError) as error:
                    raise OutputFailed(
                        f"output '{destination.binding}' to queue '{destination.queue}' failed: {error}"
                    ) from error

    async def close(self) -> None:
        """Close senders and clients."""
        for sender in self._senders.values():
            await sender.close()
        await self._connections.close()

    def _of(self, function: FunctionDef) -> list[_Destination]:
        outputs = [binding for binding in function.bindings if binding["type"] == SERVICE_BUS_OUTPUT]
        try:
            return [self._destination(function.name, binding) for binding in outputs]
        except SettingsError as error:
            raise AppLoadError(f"function '{function.name}': {error}") from error

    def _destination(self, function: str, binding: Mapping[str, Any]) -> _Destination:
        if not binding.get("queueName"):
            raise AppLoadError(f"function '{function}': topics are not supported by the local host, only queues")
        connection = resolve(binding.get("connection") or "AzureWebJobsServiceBus")
        queue = resolve(binding["queueName"])
        if (connection, queue) not in self._senders:
            self._senders[connection, queue] = self._connections.client(connection).get_queue_sender(queue)
        return _Destination(binding=binding["name"], queue=queue, sender=self._senders[connection, queue])


def bodies(value: TypedData | None) -> list[str | bytes]:
    """The bodies of the messages that one value becomes."""
    if value is None or value.value is None:
        return []
    if isinstance(value.value, bytes):
        return [value.value]
    text = str(value.value)
    if not _looks_like_json(text):
        return [text]
    try:
        document = json.loads(text)
    except ValueError:
        return [text]
    return [_text(item) for item in (document if isinstance(document, list) else [document])]


def _looks_like_json(text: str) -> bool:
    stripped = text.strip()
    return stripped.startswith(("{", "[")) and stripped.endswith(("}", "]"))


def _text(item: Any) -> str:
    """As JToken.ToString() writes it: a string bare, everything else indented by two."""
    return item if isinstance(item, str) else json.dumps(item, indent=2, ensure_ascii=False)
