"""The one rule of what a client repeats by itself, for clients that block and for those that do not."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from azure.core import AsyncPipelineClient, PipelineClient
from azure.core.pipeline.transport import AsyncHttpTransport, HttpTransport
from azure.core.rest import HttpRequest

from shared.adapters.read_retries import RETRY_AFTER_MAX_S, AsyncReadRetries, ReadRetries

ADDRESS = "http://127.0.0.1:9"
Answer = tuple[int, dict[str, str]]


class Response:
    """As much of a response as the pipeline looks at."""

    def __init__(self, answer: Answer) -> None:
        self.status_code, self.headers = answer


class Answers:
    """Answers in turn, the last one again and again, and counts what was sent."""

    def __init__(self, answers: list[Answer]) -> None:
        self.left = answers
        self.sent = 0

    def next(self) -> Any:
        self.sent += 1
        return Response(self.left.pop(0) if len(self.left) > 1 else self.left[0])


class Blocking(HttpTransport[Any, Any]):
    def __init__(self, answers: Answers) -> None:
        self.answers = answers

    def send(self, request: Any, **_: Any) -> Any:
        return self.answers.next()

    def sleep(self, duration: float) -> None: ...
    def open(self) -> None: ...
    def close(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


class Asynchronous(AsyncHttpTransport[Any, Any]):
    def __init__(self, answers: Answers) -> None:
        self.answers = answers

    async def send(self, request: Any, **_: Any) -> Any:
        return self.answers.next()

    async def sleep(self, duration: float) -> None: ...
    async def open(self) -> None: ...
    async def close(self) -> None: ...
    async def __aexit__(self, *_: object) -> None: ...


async def _blocking(method: str, answers: Answers, retries: int) -> int:
    client: Any = PipelineClient(ADDRESS, policies=[ReadRetries(retries)], transport=Blocking(answers))
    return int(client.send_request(HttpRequest(method, ADDRESS)).status_code)


async def _asynchronous(method: str, answers: Answers, retries: int) -> int:
    client: Any = AsyncPipelineClient(ADDRESS, policies=[AsyncReadRetries(retries)], transport=Asynchronous(answers))
    return int((await client.send_request(HttpRequest(method, ADDRESS))).status_code)


Send = Callable[[str, Answers, int], Awaitable[int]]
BOTH = pytest.mark.parametrize("send", [_blocking, _asynchronous])
UNAVAILABLE, FINE = (503, {}), (200, {})


@BOTH
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_read_is_sent_again_as_often_as_it_may(send: Send, method: str) -> None:
    answers = Answers([UNAVAILABLE, UNAVAILABLE, FINE])
    assert (await send(method, answers, 2), answers.sent) == (200, 3)

    answers = Answers([UNAVAILABLE])
    assert (await send(method, answers, 2), answers.sent) == (503, 3)


@BOTH
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("headers", [{}, {"Retry-After": "0"}])
async def test_whatever_changes_something_is_sent_once(send: Send, method: str, headers: dict[str, str]) -> None:
    answers = Answers([(503, headers), FINE])
    assert (await send(method, answers, 2), answers.sent) == (503, 1)


@BOTH
async def test_a_read_that_has_to_wait_for_long_is_left_to_its_caller(send: Send) -> None:
    answers = Answers([(429, {"Retry-After": str(RETRY_AFTER_MAX_S + 1)}), FINE])
    assert (await send("GET", answers, 2), answers.sent) == (429, 1)

    answers = Answers([(429, {"Retry-After": str(RETRY_AFTER_MAX_S)}), FINE])
    assert (await send("GET", answers, 2), answers.sent) == (200, 2)
