"""HTTP, environment releases: request one, roll it back, read its targets and what they ran before;
versions of the environment."""

import azure.functions as func

blueprint = func.Blueprint()


@blueprint.route(route="environment-releases", methods=["POST"])
async def request_environment_release(req: func.HttpRequest) -> func.HttpResponse:
    """Open the release of a registered environment version."""
    from functions.handlers import environment_api as handlers

    return await handlers.request_environment_release(req)


@blueprint.route(route="releases/{release_id}/rollback", methods=["POST"])
async def roll_back_release(req: func.HttpRequest) -> func.HttpResponse:
    """Put what the release changed back to what ran before."""
    from functions.handlers import environment_api as handlers

    return await handlers.roll_back_release(req)


@blueprint.route(route="releases/{release_id}/targets", methods=["GET"])
async def read_targets(req: func.HttpRequest) -> func.HttpResponse:
    """How far each deployment is, and what its check said."""
    from functions.handlers import environment_api as handlers

    return await handlers.read_targets(req)


@blueprint.route(route="releases/{release_id}/rollback-report", methods=["GET"])
async def read_rollback_report(req: func.HttpRequest) -> func.HttpResponse:
    """The result of every target, the times, and what is left to look at."""
    from functions.handlers import environment_api as handlers

    return await handlers.read_rollback_report(req)


@blueprint.route(route="releases/{release_id}/rollback-metadata", methods=["GET"])
async def download_rollback_metadata(req: func.HttpRequest) -> func.HttpResponse:
    """What every deployment ran before, as a file."""
    from functions.handlers import environment_api as handlers

    return await handlers.download_rollback_metadata(req)


@blueprint.route(route="environment-versions", methods=["GET"])
async def list_environment_versions(req: func.HttpRequest) -> func.HttpResponse:
    """The versions that models keep working in."""
    from functions.handlers import environment_api as handlers

    return await handlers.list_environment_versions(req)
