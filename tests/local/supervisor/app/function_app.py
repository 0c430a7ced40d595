"""A small function app: what the supervisor's tests need to see that the parts found each other."""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime

import azure.functions as func
from azure.eventgrid import EventGridEvent
from azure.eventgrid.aio import EventGridPublisherClient
from azure.identity.aio import DefaultAzureCredential
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="settings/{name}", methods=["GET"])
def setting(req: func.HttpRequest) -> func.HttpResponse:
    """One app setting, as the worker sees it."""
    return func.HttpResponse(os.environ.get(req.route_params["name"], ""))


@app.function_name("model_events")
@app.event_grid_trigger(arg_name="event")
async def model_events(event: func.EventGridEvent) -> None:
    """A registered model becomes a message on the queue."""
    async with (
        ServiceBusClient.from_connection_string(os.environ["SERVICEBUS"]) as client,
        client.get_queue_sender(os.environ["EFFECTS_QUEUE"]) as sender,
    ):
        body = json.dumps({"model": event.subject})
        await sender.send_messages(ServiceBusMessage(body, message_id=event.id))


@app.function_name("run_events")
@app.event_grid_trigger(arg_name="event")
def run_events(event: func.EventGridEvent) -> None:
    """Only there so that the subscription finds its function."""
    logging.info("run event %s", event.id)


@app.function_name("effects")
@app.service_bus_queue_trigger(arg_name="message", queue_name="%EFFECTS_QUEUE%", connection="SERVICEBUS")
async def effects(message: func.ServiceBusMessage) -> None:
    """A message becomes a fact, published with the app's managed identity."""
    fact = EventGridEvent(
        subject=json.loads(message.get_body())["model"],
        event_type="Test.ModelSeen",
        data={"at": datetime.now(UTC).isoformat()},
        data_version="1",
    )
    async with (
        DefaultAzureCredential() as credential,
        EventGridPublisherClient(os.environ["FACTS_TOPIC_ENDPOINT"], credential) as publisher,
    ):
        await publisher.send(fact)
