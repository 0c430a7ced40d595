"""The function app: sets up what is told of it, and registers the table of triggers; nothing else."""

import azure.functions as func

from functions.triggers import TRIGGERS
from shared.adapters import telemetry

telemetry.set_up()
app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
for trigger in TRIGGERS:
    trigger.register(app)
