"""The function app: registers the table of triggers, nothing else."""

import azure.functions as func

from functions.triggers import TRIGGERS

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
for trigger in TRIGGERS:
    trigger.register(app)
