"""The table of triggers: its handlers are there, take what the host hands over, and let nobody in by mistake."""

import inspect
import re

import pytest

from functions.triggers import TRIGGERS, Http, Trigger
from shared.contracts.http.route import Access, Route
from shared.contracts.http.routes import ROUTES
from tests.functions.callers import answered, function, request
from tests.functions.conftest import forget_settings
from tests.support.benches.release import Bench

every_trigger = pytest.mark.parametrize("trigger", TRIGGERS, ids=lambda each: each.handler)


@every_trigger
def test_a_handler_is_where_the_table_says_and_takes_what_its_function_takes(trigger: Trigger) -> None:
    """It is loaded by the first call; a wrong name would be found by the first caller otherwise."""
    handler = trigger.load()

    assert inspect.iscoroutinefunction(handler)
    assert inspect.signature(handler, follow_wrapped=False) == inspect.signature(function(trigger.name))


def test_every_declared_route_is_served_once_under_the_name_of_its_operation() -> None:
    served = [each for each in TRIGGERS if isinstance(each, Http)]

    assert [(each.handler, each.route) for each in served] == [(route.operation, route) for route in ROUTES]


@pytest.mark.parametrize("route", ROUTES, ids=lambda each: each.operation)
async def test_a_caller_who_shows_nothing_gets_only_what_is_declared_as_public(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, route: Route
) -> None:
    """Whatever a route needs, a token, a role or a secret: without it the answer is 401."""
    monkeypatch.setenv("CHANGES_REPOSITORY", "https://github.com/example/fleet.git")
    for setting in ("CHANGES_GITHUB_SECRET", "CHANGES_AZURE_DEVOPS_SECRET"):
        monkeypatch.setenv(setting, "a secret of sixteen")
    forget_settings()
    parameters = dict.fromkeys(re.findall(r"{(\w+)}", route.path), "x")
    call = function(route.operation.partition(".")[2])

    response = await call(request(None, {}, method=route.method, **parameters))

    if route.access is Access.PUBLIC:
        assert response.status_code == 200
    else:
        answered(response, 401)
