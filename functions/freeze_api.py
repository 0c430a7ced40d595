"""HTTP, freezes: stop forward changes of production for a while, see what is frozen, lift a freeze."""

import azure.functions as func

blueprint = func.Blueprint()


@blueprint.route(route="freezes", methods=["POST"])
async def set_freeze(req: func.HttpRequest) -> func.HttpResponse:
    """Freeze the fleet, a plant or a circuit."""
    from functions.handlers import freeze_api as handlers

    return await handlers.set_freeze(req)


@blueprint.route(route="freezes", methods=["GET"])
async def list_freezes(req: func.HttpRequest) -> func.HttpResponse:
    """Freezes that have neither ended nor been lifted."""
    from functions.handlers import freeze_api as handlers

    return await handlers.list_freezes(req)


@blueprint.route(route="freezes/{freeze_id}/lift", methods=["POST"])
async def lift_freeze(req: func.HttpRequest) -> func.HttpResponse:
    """End a freeze before its time."""
    from functions.handlers import freeze_api as handlers

    return await handlers.lift_freeze(req)
