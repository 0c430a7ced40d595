"""Functions that write what they were given into the directory RECORDS, one line each, before they say it is done."""

import json
import os

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


def record(file: str, *fields: str) -> None:
    """Append one line; it is on disk when this returns."""
    with open(os.path.join(os.environ["RECORDS"], file), "a", encoding="utf-8") as stream:
        stream.write(" ".join(fields) + "\n")
        stream.flush()
        os.fsync(stream.fileno())


@app.route(route="take", methods=["POST"])
def take(req: func.HttpRequest) -> str:
    """An HTTP request."""
    record("requests", req.params["id"])
    return "taken"


@app.service_bus_queue_trigger(arg_name="msg", queue_name="work", connection="SERVICEBUS")
def work(msg: func.ServiceBusMessage) -> None:
    """A message of a queue without sessions."""
    record("work", msg.get_body().decode())


@app.service_bus_queue_trigger(arg_name="msg", queue_name="ordered", connection="SERVICEBUS", is_sessions_enabled=True)
def ordered(msg: func.ServiceBusMessage) -> None:
    """A message of a queue with sessions."""
    record("ordered", msg.get_body().decode(), str(msg.session_id))


@app.event_grid_trigger(arg_name="event")
def facts(event: func.EventGridEvent) -> None:
    """An event of the custom topic."""
    record("facts", event.id)


@app.event_grid_trigger(arg_name="event")
def model_events(event: func.EventGridEvent) -> None:
    """A model was registered."""
    data = event.get_json()
    record("models", f"{data['modelName']}:{data['modelVersion']}")


@app.event_grid_trigger(arg_name="event")
def run_events(event: func.EventGridEvent) -> None:
    """A job changed or ended."""
    record("runs", json.dumps(event.get_json()))


@app.event_grid_trigger(arg_name="event")
def alert_events(event: func.EventGridEvent) -> None:
    """There are none; the subscription of the local cloud wants somebody to answer."""
    record("alerts", event.id)
