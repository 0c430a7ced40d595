"""Service Bus functions that write down what they were given, one JSON line each, in the file RECORD_FILE."""

import asyncio
import json
import os
from datetime import UTC, datetime

import azure.functions as func

app = func.FunctionApp()


def _record(function: str, msg: func.ServiceBusMessage) -> dict:
    body = json.loads(msg.get_body())
    entry = {
        "host": os.environ["HOST_NAME"],
        "function": function,
        "at": datetime.now(UTC).isoformat(),
        "body": body,
        "message_id": msg.message_id,
        "session_id": msg.session_id,
        "delivery_count": msg.delivery_count,
        "subject": msg.subject,
        "correlation_id": msg.correlation_id,
        "content_type": msg.content_type,
        "properties": msg.user_properties,
        "sequence_number": msg.sequence_number,
        "enqueued": str(msg.enqueued_time_utc),
    }
    with open(os.environ["RECORD_FILE"], "a", encoding="utf-8") as record:
        record.write(json.dumps(entry) + "\n")
    return body


async def _obey(body: dict) -> None:
    """Do what the message asks for: take time, or fail."""
    await asyncio.sleep(body.get("takes_s", 0))
    if body.get("fail"):
        raise ValueError("the message asked for it")


@app.service_bus_queue_trigger(arg_name="msg", queue_name="%PLAIN_QUEUE%", connection="BUS")
async def plain(msg: func.ServiceBusMessage) -> None:
    """A queue without sessions."""
    await _obey(_record("plain", msg))


@app.service_bus_queue_trigger(arg_name="msg", queue_name="ordered", connection="BUS", is_sessions_enabled=True)
async def ordered(msg: func.ServiceBusMessage) -> None:
    """A queue with sessions."""
    await _obey(_record("ordered", msg))


@app.service_bus_queue_trigger(arg_name="msg", queue_name="plain/$DeadLetterQueue", connection="BUS")
async def graveyard(msg: func.ServiceBusMessage) -> None:
    """The dead-letter queue of the plain queue."""
    _record("graveyard", msg)
