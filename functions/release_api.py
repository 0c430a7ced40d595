"""HTTP, reading: the list of releases, one release, its history, and the API's description. Nothing is decided here."""

import azure.functions as func

blueprint = func.Blueprint()


@blueprint.route(route="releases", methods=["GET"])
async def list_releases(req: func.HttpRequest) -> func.HttpResponse:
    """Open releases, then the latest ended ones."""
    from functions.handlers import release_api as handlers

    return await handlers.list_releases(req)


@blueprint.route(route="releases/{release_id}", methods=["GET"])
async def read_release(req: func.HttpRequest) -> func.HttpResponse:
    """One release, with its open gate and what it waits for."""
    from functions.handlers import release_api as handlers

    return await handlers.read_release(req)


@blueprint.route(route="releases/{release_id}/history", methods=["GET"])
async def read_history(req: func.HttpRequest) -> func.HttpResponse:
    """Who, what, when; with the verdict on the hash chain."""
    from functions.handlers import release_api as handlers

    return await handlers.read_history(req)


@blueprint.route(route="openapi.json", methods=["GET"])
async def describe_api(req: func.HttpRequest) -> func.HttpResponse:
    """The description of this API; public, it holds no data."""
    from functions.handlers import release_api as handlers

    return await handlers.describe_api(req)
