"""The function app: registers blueprints, nothing else."""

import azure.functions as func

from functions import (
    alerts_api,
    changes,
    changes_api,
    dead_letters,
    decision_api,
    effects,
    environment_api,
    etl,
    evidence_api,
    freeze_api,
    inference,
    inference_api,
    model_events,
    monitoring,
    monitoring_api,
    release_api,
    release_events,
    sweeper,
    training_api,
    trainings,
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
    changes_api,
    changes,
    training_api,
    trainings,
    inference_api,
    inference,
    monitoring_api,
    monitoring,
    etl,
    sweeper,
    dead_letters,
):
    app.register_functions(module.blueprint)
