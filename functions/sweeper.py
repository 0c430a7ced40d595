"""Timer: makes good whatever was missed."""

import azure.functions as func

blueprint = func.Blueprint()


@blueprint.timer_trigger(arg_name="timer", schedule="%SWEEP_SCHEDULE%")
async def sweeper(timer: func.TimerRequest) -> None:
    """Stateless: a sweep that is missed or runs twice does no harm."""
    from functions.handlers import sweeper as handlers

    await handlers.sweeper(timer)
