"""Every function of the app, a line each: what starts it, and which handler answers.

`releases.effects` is the handler `effects` of `functions/handlers/releases.py`, and the function's name is `effects`.
The first call of a function loads its handler, so that a cold start loads one context and no other.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import azure.functions as func

from shared.contracts.http import routes
from shared.contracts.http.route import Route

Handler = Callable[[Any], Awaitable[Any]]


@dataclass(eq=False, repr=False)  # every cold start pays for each method that is generated
class Trigger(ABC):
    """What every kind of trigger has: the handler, by the name of its module and its own."""

    handler: str

    @property
    def name(self) -> str:
        """The function's name, for the host and for its settings."""
        return self.handler.partition(".")[2]

    def load(self) -> Handler:
        """The handler itself; its module is imported once."""
        handler: Handler = getattr(import_module(f"functions.handlers.{self.handler.partition('.')[0]}"), self.name)
        return handler

    @abstractmethod
    def register(self, app: func.FunctionApp) -> None:
        """Makes it a function of `app`."""

    def _serve(self, app: func.FunctionApp, path: str, method: str) -> None:
        async def call(req: func.HttpRequest) -> func.HttpResponse:
            answer: func.HttpResponse = await self.load()(req)
            return answer

        app.route(route=path, methods=[method])(self._named(call))

    def _named(self, call: Handler) -> Handler:
        call.__name__ = self.name  # the host knows a function by it
        return call


@dataclass(eq=False, repr=False)
class Http(Trigger):
    """A route of the API. There are no function keys: a key says nothing about who decides."""

    route: Route

    def register(self, app: func.FunctionApp) -> None:
        self._serve(app, f"api/{self.route.path}", self.route.method)


class Pages(Trigger):
    """Every address that is none of the API: the board. The host tries routes in the order of their functions' names,
    so this one's name stands behind every other that is called by GET."""

    def register(self, app: func.FunctionApp) -> None:
        self._serve(app, "{*path}", "GET")


class Events(Trigger):
    """A subscription of Event Grid."""

    def register(self, app: func.FunctionApp) -> None:
        async def call(event: func.EventGridEvent) -> None:
            await self.load()(event)

        app.event_grid_trigger(arg_name="event")(self._named(call))


@dataclass(eq=False, repr=False)
class Queue(Trigger):
    """A queue of the Service Bus; with sessions, one message of a session at a time and in order."""

    queue: str
    sessions: bool = False

    def register(self, app: func.FunctionApp) -> None:
        async def call(message: func.ServiceBusMessage) -> None:
            await self.load()(message)

        app.service_bus_queue_trigger(
            arg_name="message",
            queue_name=self.queue,
            connection="SERVICEBUS",
            is_sessions_enabled=self.sessions or None,
        )(self._named(call))


@dataclass(eq=False, repr=False)
class Timer(Trigger):
    """A schedule. What no later firing makes good is `retried`: by the host, five times, a minute apart."""

    schedule: str
    retried: bool = False

    def register(self, app: func.FunctionApp) -> None:
        async def call(timer: func.TimerRequest) -> None:
            await self.load()(timer)

        named: Any = self._named(call)
        if self.retried:
            named = app.retry(strategy="fixed_delay", max_retry_count="5", delay_interval="00:01:00")(named)
        app.timer_trigger(arg_name="timer", schedule=self.schedule)(named)


def _http(*groups: tuple[Route, ...]) -> tuple[Http, ...]:
    return tuple(Http(route.operation, route) for group in groups for route in group)


TRIGGERS: tuple[Trigger, ...] = (
    Events("model_events.model_events"),
    Events("model_events.run_events"),
    Pages("board.web_page"),
    *_http(routes.BOARD, routes.SERVICE, routes.ALERTS),
    Events("alerts.alert_events"),
    Queue("releases.release_events", "%RELEASE_EVENTS_QUEUE%", sessions=True),
    Queue("releases.effects", "%EFFECTS_QUEUE%"),
    *_http(routes.RELEASES, routes.ENVIRONMENTS, routes.ONLINE, routes.EVIDENCE, routes.FREEZES, routes.CHANGES),
    Queue("looks.take_change", "%CHANGES_QUEUE%", sessions=True),
    Queue("dead_letters.dead_changes", "%CHANGES_QUEUE%/$DeadLetterQueue"),
    Timer("sweeps.sweep_changes", "%SWEEP_SCHEDULE%"),
    *_http(routes.TRAINING),
    Queue("looks.trainings", "%TRAININGS_QUEUE%", sessions=True),
    Queue("dead_letters.dead_trainings", "%TRAININGS_QUEUE%/$DeadLetterQueue"),
    Timer("sweeps.sweep_trainings", "%SWEEP_SCHEDULE%"),
    *_http(routes.INFERENCE),
    Timer("routines.daily_inference", "%INFERENCE_SCHEDULE%", retried=True),
    Queue("looks.routine_tasks", "%ROUTINES_QUEUE%"),
    Queue("dead_letters.dead_routines", "%ROUTINES_QUEUE%/$DeadLetterQueue"),
    Timer("sweeps.routine_sweeper", "%ROUTINE_SWEEP_SCHEDULE%"),
    *_http(routes.MONITORING),
    Timer("routines.monthly_performance", "%PERFORMANCE_SCHEDULE%", retried=True),
    Timer("routines.quarterly_drift", "%DRIFT_SCHEDULE%", retried=True),
    Timer("etl.sensor_etl", "%ETL_SCHEDULE%", retried=True),
    *_http(routes.NOTIFICATIONS),
    Events("notifications.fact_events"),
    Queue("looks.notifications", "%NOTIFICATIONS_QUEUE%"),
    Queue("dead_letters.dead_notifications", "%NOTIFICATIONS_QUEUE%/$DeadLetterQueue"),
    Timer("sweeps.sweep_notifications", "%SWEEP_SCHEDULE%"),
    Timer("sweeps.sweeper", "%SWEEP_SCHEDULE%"),
    Queue("dead_letters.dead_release_events", "%RELEASE_EVENTS_QUEUE%/$DeadLetterQueue"),
    Queue("dead_letters.dead_effects", "%EFFECTS_QUEUE%/$DeadLetterQueue"),
)
