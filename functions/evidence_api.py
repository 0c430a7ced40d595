"""HTTP, evidence of environment releases: hand in an executed notebook, read what it is worth, download it."""

import azure.functions as func

blueprint = func.Blueprint()


@blueprint.route(route="releases/{release_id}/evidence", methods=["POST"])
async def submit_evidence(req: func.HttpRequest) -> func.HttpResponse:
    """Hand in an executed notebook."""
    from functions.handlers import evidence_api as handlers

    return await handlers.submit_evidence(req)


@blueprint.route(route="releases/{release_id}/evidence", methods=["GET"])
async def read_evidence(req: func.HttpRequest) -> func.HttpResponse:
    """What the evidence is worth, or with download=1 the file."""
    from functions.handlers import evidence_api as handlers

    return await handlers.read_evidence(req)
