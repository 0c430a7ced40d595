"""Alerts of Azure Monitor: by webhook and by Event Grid in, and the list of them with what they led to."""

import azure.functions as func

blueprint = func.Blueprint()


@blueprint.route(route="alerts", methods=["POST"])
async def accept_alert(req: func.HttpRequest) -> func.HttpResponse:
    """The secure webhook of an action group."""
    from functions.handlers import alerts_api as handlers

    return await handlers.accept_alert(req)


@blueprint.route(route="alerts", methods=["GET"])
async def list_alerts(req: func.HttpRequest) -> func.HttpResponse:
    """The latest alerts, each with its decision and the reasons."""
    from functions.handlers import alerts_api as handlers

    return await handlers.list_alerts(req)


@blueprint.event_grid_trigger(arg_name="event")
async def alert_events(event: func.EventGridEvent) -> None:
    """An alert that comes as an event of a configured topic."""
    from functions.handlers import alerts_api as handlers

    await handlers.alert_events(event)
