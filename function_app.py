"""The function app: registers blueprints, nothing else."""

import azure.functions as func

from functions import (
    alerts_api,
    dead_letters,
    decision_api,
    effects,
    environment_api,
    evidence_api,
    freeze_api,
    model_events,
    release_api,
    release_events,
    sweeper,
)

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
for module in (
    model_events,
    alerts_api,
    release_events,
    effects,
    release_api,
    decision_api,
    environment_api,
    evidence_api,
    freeze_api,
    sweeper,
    dead_letters,
):
    app.register_functions(module.blueprint)
