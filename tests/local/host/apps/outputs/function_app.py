"""HTTP functions whose outputs are messages; the body of a request is what they send."""

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="text")
@app.service_bus_queue_output(arg_name="out", connection="BUS", queue_name="plain")
def text(req: func.HttpRequest, out: func.Out[str]) -> str:
    """What was posted, as text; `twice` sets it twice, and the last one counts."""
    if "twice" in req.params:
        out.set("first")
    out.set(req.get_body().decode())
    return "sent"


@app.route(route="binary")
@app.service_bus_queue_output(arg_name="out", connection="BUS", queue_name="plain")
def binary(req: func.HttpRequest, out: func.Out[bytes]) -> str:
    """What was posted, as bytes."""
    out.set(req.get_body())
    return "sent"


@app.route(route="nothing")
@app.service_bus_queue_output(arg_name="out", connection="BUS", queue_name="plain")
def nothing(req: func.HttpRequest, out: func.Out[str]) -> str:
    """Leaves its output alone."""
    return "nothing sent"


@app.route(route="fails")
@app.service_bus_queue_output(arg_name="out", connection="BUS", queue_name="plain")
def fails(req: func.HttpRequest, out: func.Out[str]) -> str:
    """Sets its output and then fails."""
    out.set("never")
    raise ValueError("after the output was set")


@app.route(route="session")
@app.service_bus_queue_output(arg_name="out", connection="BUS", queue_name="ordered")
def session(req: func.HttpRequest, out: func.Out[str]) -> str:
    """To a queue with sessions, which an output cannot name."""
    out.set("no session")
    return "sent"


@app.service_bus_queue_trigger(arg_name="msg", connection="BUS", queue_name="brief")
@app.service_bus_queue_output(arg_name="$return", connection="BUS", queue_name="plain")
def forward(msg: func.ServiceBusMessage) -> str:
    """What it returns goes on to the next queue."""
    return f"forwarded {msg.get_body().decode()}"
