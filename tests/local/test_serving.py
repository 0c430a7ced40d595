"""What every HTTP part of the local cloud answers to a request that it does not serve, or not like this."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local.serving import REFUSALS, json_body


async def thing(request: Request) -> Response:
    await json_body(request)
    raise HTTPException(404, "There is no thing of that name.")


APP = Starlette(routes=[Route("/thing", thing, methods=["POST"])], exception_handlers=REFUSALS)


async def error_of(method: str, path: str, content: str = "") -> tuple[int, dict[str, Any]]:
    """Status and error of the answer."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(APP), base_url="http://part") as client:
        answer = await client.request(method, path, content=content)
    return answer.status_code, answer.json()["error"]


async def test_what_a_route_does_not_find_is_a_404_with_its_own_words() -> None:
    """It is not a route that this part lacks."""
    told = {"code": "NotFound", "message": "There is no thing of that name."}
    assert await error_of("POST", "/thing", "{}") == (404, told)


async def test_a_body_that_is_no_json_is_a_400_that_says_where() -> None:
    status, told = await error_of("POST", "/thing", "{")
    assert (status, told["code"]) == (400, "BadRequest")
    assert "line 1 column 2" in told["message"]


@pytest.mark.parametrize(("method", "path"), [("POST", "/other"), ("GET", "/thing")], ids=["no route", "no method"])
async def test_what_a_part_does_not_serve_is_refused_with_501(method: str, path: str) -> None:
    status, told = await error_of(method, path)
    assert (status, told["code"]) == (501, "NotImplemented")
    assert told["message"].startswith(f"{method} {path} ")
