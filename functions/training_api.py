"""HTTP, training: train a circuit by hand, see what trains, abort it, read where a model comes from."""

import azure.functions as func

blueprint = func.Blueprint()


@blueprint.route(route="trainings", methods=["POST"])
async def train_circuit(req: func.HttpRequest) -> func.HttpResponse:
    """Train a circuit as the deployed configuration says."""
    from functions.handlers import training_api as handlers

    return await handlers.train_circuit(req)


@blueprint.route(route="trainings", methods=["GET"])
async def list_trainings(req: func.HttpRequest) -> func.HttpResponse:
    """Open runs, then the latest ended ones."""
    from functions.handlers import training_api as handlers

    return await handlers.list_trainings(req)


@blueprint.route(route="trainings/{run_id}", methods=["GET"])
async def read_training(req: func.HttpRequest) -> func.HttpResponse:
    """One run."""
    from functions.handlers import training_api as handlers

    return await handlers.read_training(req)


@blueprint.route(route="trainings/{run_id}/abort", methods=["POST"])
async def abort_training(req: func.HttpRequest) -> func.HttpResponse:
    """End a run before its model is registered."""
    from functions.handlers import training_api as handlers

    return await handlers.abort_training(req)


@blueprint.route(route="models/{name}/{version}/lineage", methods=["GET"])
async def read_lineage(req: func.HttpRequest) -> func.HttpResponse:
    """Where a model comes from, by its name."""
    from functions.handlers import training_api as handlers

    return await handlers.read_lineage(req)


@blueprint.route(route="circuits/{plant_id}/{circuit_id}/models/{version}/lineage", methods=["GET"])
async def read_circuit_lineage(req: func.HttpRequest) -> func.HttpResponse:
    """Where a model comes from, by its circuit."""
    from functions.handlers import training_api as handlers

    return await handlers.read_circuit_lineage(req)
