"""A small HTTP server that stands for the app: it answers with the app's contracts and remembers what it was asked."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from click.testing import Result
from pydantic import BaseModel
from typer.testing import CliRunner

from cli import session
from cli.app import app
from shared.contracts.http.releases import Accepted, GateView, Problem, ReleaseSummary, ReleaseView, WaitingView

TOKEN = "header.payload.signature"
RELEASE = "sensor-model-p001-c001-1-0a1b2c"
DIGEST = "5" * 64
OPENED = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)

Answers = list[tuple[int, BaseModel | str]]
Run = Callable[..., Result]


@dataclass
class App:
    """What the server answers next, by "METHOD path"; the last answer of a list is repeated."""

    url: str = ""
    answers: dict[str, Answers] = field(default_factory=dict)
    bodies: list[tuple[str, Any]] = field(default_factory=list)
    content_types: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)

    def on(self, request: str, *answers: BaseModel | tuple[int, BaseModel | str]) -> None:
        """Answer `request` with these, in order; a model alone is sent with status 200."""
        self.answers[request] = [each if isinstance(each, tuple) else (200, each) for each in answers]

    def next_answer(self, request: str) -> tuple[int, BaseModel | str]:
        """404 for what nobody prepared. What was prepared without parameters is the answer to any."""
        self.asked.append(request)
        waiting = self.answers.get(request) or self.answers.get(request.partition("?")[0])
        if not waiting:
            return 404, Problem(title="Not Found", status=404, detail=f"nothing is prepared for {request}")
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


def _handler(state: App) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            state.bodies.append((self.path, body))
            state.content_types.append(self.headers["content-type"])
            self._answer()

        def _answer(self) -> None:
            state.tokens.add(self.headers.get("authorization", ""))
            status, content = state.next_answer(f"{self.command} {self.path}")
            data = (content if isinstance(content, str) else content.model_dump_json()).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Silence: the test says what went wrong."""

    return Handler


@pytest.fixture
def server() -> Iterator[App]:
    """The app, on a port of its own."""
    state = App()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(state)) as listening:
        state.url = f"http://127.0.0.1:{listening.server_address[1]}"
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        listening.shutdown()
        thread.join()


@pytest.fixture
def run(server: App) -> Run:
    """Runs `switchyard` with these arguments, signed in; keyword `input` is what the person types."""
    for terminal in (session.console, session.errors):
        terminal.width = 200

    def _run(*arguments: str, env: dict[str, str | None] | None = None, **options: Any) -> Result:
        variables = {"SWITCHYARD_URL": server.url, "SWITCHYARD_TOKEN": TOKEN, **(env or {})}
        return CliRunner().invoke(app, arguments, env=variables, **options)

    return _run


def view(phase: str = "awaiting_registry_approval", **changes: Any) -> ReleaseView:
    """A release as the API shows it: waiting at the gate of `registry` unless said otherwise."""
    wait = WaitingView(
        waits_for="a decision on registry by ML-Engineers",
        since=OPENED,
        until=datetime.now(UTC) + timedelta(hours=24),
        who_can_end_it=["ML-Engineers"],
    )
    ended = phase in ("released", "rejected", "aborted", "failed", "expired", "rolled_back")
    content: dict[str, Any] = {
        "release_id": RELEASE,
        "kind": "model",
        "model": "sensor-model:1",
        "circuit": "P001/C001",
        "phase": phase,
        "ended": ended,
        "reason": "",
        "waiting": None if ended else wait,
        "opened_at": OPENED,
        "phase_since": OPENED,
        "attempt": 1,
        "gate": gate() if phase == "awaiting_registry_approval" else None,
        "check_runs": [],
        "registry_model_id": "",
        "previous_model": None,
        "production_touched": False,
        "progress": None,
    }
    return ReleaseView(**{**content, **changes})


def gate(**facts: str) -> GateView:
    """The open gate of `registry`."""
    return GateView(
        stage="registry",
        digest=DIGEST,
        instructions="Review model metrics before promoting.",
        facts={"plant": "P001", "circuit": "C001", "training metrics": "mae 0.41, rmse 0.52", **facts},
        approvals_needed=[{"group": "ML-Engineers", "count": 1}],
        approved_by=[],
    )


def summary(release: ReleaseView) -> ReleaseSummary:
    """The list's view of it."""
    return ReleaseSummary(**release.model_dump(include=set(ReleaseSummary.model_fields)))


def accepted(
    answer: str = "accepted", phase: str = "awaiting_registry_approval", release_id: str = RELEASE
) -> Accepted:
    """The answer to a decision."""
    return Accepted(release_id=release_id, answer=answer, phase=phase, follow=f"/api/releases/{release_id}")


def problem(status: int, detail: str) -> tuple[int, Problem]:
    """A refusal of the app."""
    return status, Problem(title="Refused", status=status, detail=detail)
