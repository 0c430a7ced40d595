"""HTTP, changes of the configuration: the webhooks of GitHub and Azure DevOps, and what became of each change."""

import azure.functions as func

blueprint = func.Blueprint()


@blueprint.route(route="changes/github", methods=["POST"])
async def accept_github_change(req: func.HttpRequest) -> func.HttpResponse:
    """Push and merged pull request, signed with the shared secret."""
    from functions.handlers import changes_api as handlers

    return await handlers.accept_github_change(req)


@blueprint.route(route="changes/azure-devops", methods=["POST"])
async def accept_azure_devops_change(req: func.HttpRequest) -> func.HttpResponse:
    """Merged pull request, with the shared secret as the password."""
    from functions.handlers import changes_api as handlers

    return await handlers.accept_azure_devops_change(req)


@blueprint.route(route="changes", methods=["GET"])
async def list_changes(req: func.HttpRequest) -> func.HttpResponse:
    """The latest changes."""
    from functions.handlers import changes_api as handlers

    return await handlers.list_changes(req)


@blueprint.route(route="changes/{change_id}", methods=["GET"])
async def read_change(req: func.HttpRequest) -> func.HttpResponse:
    """What was found in one change, and what it led to."""
    from functions.handlers import changes_api as handlers

    return await handlers.read_change(req)
