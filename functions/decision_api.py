"""HTTP, writing: decide on a gate, abort, retry. POST only; the caller's identity comes from the verified token."""

import azure.functions as func

blueprint = func.Blueprint()


@blueprint.route(route="releases/{release_id}/gates/{stage}/decisions", methods=["POST"])
async def decide_on_gate(req: func.HttpRequest) -> func.HttpResponse:
    """Approve or reject the open gate."""
    from functions.handlers import decision_api as handlers

    return await handlers.decide_on_gate(req)


@blueprint.route(route="releases/{release_id}/abort", methods=["POST"])
async def abort_release(req: func.HttpRequest) -> func.HttpResponse:
    """End the release; production is put back if it was touched."""
    from functions.handlers import decision_api as handlers

    return await handlers.abort_release(req)


@blueprint.route(route="releases/{release_id}/retry", methods=["POST"])
async def retry_release(req: func.HttpRequest) -> func.HttpResponse:
    """Try the held step again."""
    from functions.handlers import decision_api as handlers

    return await handlers.retry_release(req)
