"""HTTP, monitoring: the last checks of performance and drift with what followed; start a check by hand."""

import azure.functions as func

blueprint = func.Blueprint()


@blueprint.route(route="monitoring", methods=["GET"])
async def read_monitoring(req: func.HttpRequest) -> func.HttpResponse:
    """The last month and quarter, unless `month` and `quarter` name others."""
    from functions.handlers import monitoring_api as handlers

    return await handlers.read_monitoring(req)


@blueprint.route(route="monitoring", methods=["POST"])
async def start_monitoring(req: func.HttpRequest) -> func.HttpResponse:
    """Start a check by hand."""
    from functions.handlers import monitoring_api as handlers

    return await handlers.start_monitoring(req)
