"""How fast the local Service Bus is with the real client.

`python -m benchmarks.servicebus` starts a broker on a directory of its own and measures, with one client and bodies of
512 bytes, messages per second, sync and aio:

send one by one       `send_messages` with one message, answered before the next
send lists of 100     `send_messages` with a hundred
receive and complete  prefetch 200, each message completed before the next
receive and delete    prefetch 200, nothing to settle

Each figure is the best of --rounds. `--port` measures a broker that runs already, on its queue --queue. Exit status 1
when the broker that was started here is slower than LEAST_PER_S.
"""

from __future__ import annotations

import argparse
import asyncio
import inspect
import json
import sys
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, TypeVar

from azure.servicebus import ServiceBusClient, ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient as AsyncServiceBusClient

from local.supervisor.cloud import LocalCloud

T = TypeVar("T")
BODY = b"x" * 512
LIST = 100
PREFETCH = 200
WAIT_S = 5
QUEUE = "bench"
SEND, SEND_LISTS, COMPLETE, DELETE = (
    "send one by one",
    "send lists of 100",
    "receive and complete",
    "receive and delete",
)
LEAST_PER_S = {SEND: 800, COMPLETE: 800}
"""A third of an idle machine's figures: finds a broker that became slow, not a machine that has other work."""

Figures = dict[str, float]


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the local Service Bus with the real client.")
    parser.add_argument("--count", type=int, default=3000, help="messages per figure")
    parser.add_argument("--rounds", type=int, default=3, help="how often; the best round counts")
    parser.add_argument("--port", type=int, help="measure the broker on this port instead of one started here")
    parser.add_argument("--queue", default=QUEUE)
    options = parser.parse_args()
    if options.port:
        report(measure(options.port, options.queue, options.count, options.rounds))
        return 0
    with tempfile.TemporaryDirectory(prefix="switchyard-bench-") as name:
        config = Path(name) / "queues.json"
        config.write_text(json.dumps({"queues": [{"name": options.queue, "lockDuration": "PT5M"}]}))
        with LocalCloud(Path(name), parts=["servicebus"], part_options={"servicebus": ["--config", str(config)]}) as at:
            found = measure(at.layout.ports["servicebus"], options.queue, options.count, options.rounds)
    report(found)
    slow = [f"{kind}: {name}" for kind in found for name, least in LEAST_PER_S.items() if found[kind][name] < least]
    if slow:
        print(f"too slow: {', '.join(slow)}")
    return 1 if slow else 0


def measure(port: int, queue: str, count: int, rounds: int) -> dict[str, Figures]:
    """Messages per second by client and figure."""
    best: dict[str, Figures] = {"sync": {}, "aio": {}}
    for _ in range(rounds):
        for kind, figures in best.items():
            for name, per_s in asyncio.run(_round(kind, port, queue, count)).items():
                figures[name] = max(per_s, figures.get(name, 0.0))
    return best


def report(found: dict[str, Figures]) -> None:
    print(f"{'messages per second':<24}{'sync':>8}{'aio':>8}")
    for name in found["sync"]:
        print(f"{name:<24}{found['sync'][name]:>8.0f}{found['aio'][name]:>8.0f}")


async def _round(kind: str, port: int, queue: str, count: int) -> Figures:
    secret = "SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE"
    text = f"Endpoint=sb://localhost:{port};{secret};UseDevelopmentEmulator=true;"
    client_type = ServiceBusClient if kind == "sync" else AsyncServiceBusClient
    client: Any = client_type.from_connection_string(text)
    figures: Figures = {}
    try:
        sender = await _entered(client.get_queue_sender(queue))
        figures[SEND] = await _timed(count, _send(sender, count, 1))
        figures[COMPLETE] = await _timed(count, _receive(client, queue, count, delete=False))
        figures[SEND_LISTS] = await _timed(count, _send(sender, count, LIST))
        figures[DELETE] = await _timed(count, _receive(client, queue, count, delete=True))
        await _do(sender.close())
    finally:
        await _do(client.close())
    return {name: figures[name] for name in (SEND, SEND_LISTS, COMPLETE, DELETE)}


async def _send(sender: Any, count: int, at_once: int) -> float:
    began = time.perf_counter()
    for _ in range(0, count, at_once):
        messages = [ServiceBusMessage(BODY) for _ in range(at_once)]
        await _do(sender.send_messages(messages if at_once > 1 else messages[0]))
    return time.perf_counter() - began


async def _receive(client: Any, queue: str, count: int, *, delete: bool) -> float:
    """The clock starts with the receiver open: opening and closing one takes the client half a second each."""
    mode = "receiveanddelete" if delete else "peeklock"
    receiver = await _entered(client.get_queue_receiver(queue, prefetch_count=PREFETCH, receive_mode=mode))
    began, received = time.perf_counter(), 0
    while received < count:
        messages = await _do(receiver.receive_messages(PREFETCH, max_wait_time=WAIT_S))
        if not messages:
            raise RuntimeError(f"{received} of {count} messages came, then none for {WAIT_S} s")
        received += len(messages)
        if not delete:
            for message in messages:
                await _do(receiver.complete_message(message))
    took_s = time.perf_counter() - began
    await _do(receiver.close())
    return took_s


async def _timed(count: int, work: Awaitable[float]) -> float:
    return count / await work


async def _do(call: Awaitable[T] | T) -> T:
    """The result of a client call, whichever client it is."""
    return await call if inspect.isawaitable(call) else call


async def _entered(handler: Any) -> Any:
    return await handler.__aenter__() if hasattr(handler, "__aenter__") else handler.__enter__()


if __name__ == "__main__":
    sys.exit(main())
