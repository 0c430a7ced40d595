"""Event Grid triggers: events of Azure Machine Learning become events of releases. They decide nothing.

Unknown types, foreign topics and malformed data are recorded, not failed: failing would have Event Grid deliver them
again.
"""

import azure.functions as func

blueprint = func.Blueprint()


@blueprint.event_grid_trigger(arg_name="event")
async def model_events(event: func.EventGridEvent) -> None:
    """ModelRegistered opens a release."""
    from functions.handlers import model_events as handlers

    await handlers.model_events(event)


@blueprint.event_grid_trigger(arg_name="event")
async def run_events(event: func.EventGridEvent) -> None:
    """A run that changed is a hint to look at its release at once."""
    from functions.handlers import model_events as handlers

    await handlers.run_events(event)
