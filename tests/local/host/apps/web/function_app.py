"""HTTP and Event Grid functions that show the tests what the host handed to them."""

import asyncio
import json
import logging
import time

import azure.functions as func

from shared.measures import Metric, measured

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)
_seen: list[dict] = []


@app.route(route="echo/{tenant}/{number:int?}", methods=["GET", "POST"], auth_level=func.AuthLevel.ANONYMOUS)
def echo(req: func.HttpRequest) -> func.HttpResponse:
    """Answer with the request as Python sees it."""
    view = {
        "method": req.method,
        "url": req.url,
        "route": dict(req.route_params),
        "query": dict(req.params),
        "headers": dict(req.headers),
        "body": req.get_body().decode(),
    }
    return func.HttpResponse(json.dumps(view), status_code=201, mimetype="application/json", headers={"X-Out": "1"})


@app.route(route="echo/{tenant}/fixed", auth_level=func.AuthLevel.ANONYMOUS)
async def fixed(req: func.HttpRequest) -> str:
    """A literal segment, which is more specific than a parameter."""
    return "fixed"


@app.route(route="secret", methods=["GET"])
async def secret(req: func.HttpRequest) -> str:
    """Needs a function key."""
    return "opened"


@app.route(route="root", methods=["GET"], auth_level=func.AuthLevel.ADMIN)
async def root(req: func.HttpRequest) -> str:
    """Needs the master key."""
    return "opened"


@app.route(route="fails", auth_level=func.AuthLevel.ANONYMOUS)
async def fails(req: func.HttpRequest) -> func.HttpResponse:
    """Raises."""
    raise RuntimeError("a secret detail")


@app.route(route="cookies", auth_level=func.AuthLevel.ANONYMOUS)
async def cookies(req: func.HttpRequest) -> func.HttpResponse:
    """Sets two cookies by hand."""
    response = func.HttpResponse("ok")
    response.headers["Set-Cookie"] = "a=1; Path=/; HttpOnly"
    return response


@app.route(route="slow/{seconds}", auth_level=func.AuthLevel.ANONYMOUS)
async def slow(req: func.HttpRequest) -> str:
    """Takes its time, politely."""
    await asyncio.sleep(float(req.route_params["seconds"]))
    return "done"


@app.route(route="stuck", auth_level=func.AuthLevel.ANONYMOUS)
def stuck(req: func.HttpRequest) -> str:
    """Holds a pool thread for much longer than functionTimeout."""
    time.sleep(60)
    return "never"


@app.route(route="blocking", auth_level=func.AuthLevel.ANONYMOUS)
async def blocking(req: func.HttpRequest) -> str:
    """Holds the event loop itself."""
    time.sleep(60)  # noqa: ASYNC251 - that is the mistake being tested
    return "never"


@app.route(route="seen", auth_level=func.AuthLevel.ANONYMOUS)
async def seen(req: func.HttpRequest) -> func.HttpResponse:
    """The events received so far."""
    return func.HttpResponse(json.dumps(_seen), mimetype="application/json")


@app.event_grid_trigger(arg_name="event")
async def on_event(event: func.EventGridEvent) -> None:
    """Remember an event; one with {"fail": true} raises."""
    data = event.get_json()
    logging.getLogger("app.events").info("event %s arrived", event.id)
    if data.get("fail"):
        raise ValueError(f"event {event.id} is not wanted")
    await asyncio.sleep(data.get("takes_s", 0))
    _seen.append({"id": event.id, "type": event.event_type, "time": str(event.event_time), "data": data})


@app.event_grid_trigger(arg_name="event")
async def on_cloud_event(event: func.CloudEvent) -> None:
    """Remember a CloudEvent."""
    _seen.append({"id": event.id, "type": event.type})


@app.timer_trigger(schedule="0 0 0 1 1 *", arg_name="timer")
async def yearly(timer: func.TimerRequest) -> None:
    """A timer that only the admin API starts in these tests."""
    _seen.append({"id": "yearly", "past_due": timer.past_due})
    logging.info("swept", extra=measured(Metric.SWEEPS, sweep="yearly"))
