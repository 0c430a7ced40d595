"""HTTP, daily inference: what is there, missing or late on a day; start a day, or try failed circuits again."""

import azure.functions as func

blueprint = func.Blueprint()


@blueprint.route(route="inference", methods=["GET"])
async def read_inference(req: func.HttpRequest) -> func.HttpResponse:
    """A day's inference; the last day unless `date` names one."""
    from functions.handlers import inference_api as handlers

    return await handlers.read_inference(req)


@blueprint.route(route="inference", methods=["POST"])
async def start_inference(req: func.HttpRequest) -> func.HttpResponse:
    """Start a day's inference by hand."""
    from functions.handlers import inference_api as handlers

    return await handlers.start_inference(req)
