"""The HTTP API as the command uses it. Whatever goes wrong becomes an ApiError whose text says what to do."""

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlsplit

import httpx
from pydantic import BaseModel, ValidationError

from cli.naming import AmbiguousError, Named, circuit_of, meant
from cli.typed import COMMAND
from cli.views import Accepted, Freezes, Problem, Releases, Summary, Text, View

TIMEOUT_S = 30.0
PAGE_MAX = 200
"""Records that the API puts on one page."""

NAMED_MAX = 2000
"""Records that are looked through for the one that a part of an id means: the open ones and the latest."""

NOTEBOOK_TYPE = "application/x-ipynb+json"
LOOPBACK = ("127.0.0.1", "localhost", "::1")

_Body = dict[str, Any] | None

ViewT = TypeVar("ViewT", bound=BaseModel)


class ApiError(Exception):
    """For a person to read."""


class ApiUnavailableError(ApiError):
    """The app did not answer, or answered "not now": the same request may work in a moment."""


class NotFoundError(ApiError):
    """There is nothing of that name."""


class _Bearer(httpx.Auth):
    def __init__(self, token: str | Callable[[], str]) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        if token := self._token if isinstance(self._token, str) else self._token():
            request.headers["Authorization"] = f"Bearer {token}"
        yield request


class SignInSettings(View):
    """Who signs people in for the app, which application asks for it, and for what. `client_id` is None where nobody
    can sign in."""

    authority: str
    client_id: str | None
    scope: str


class _Run(View):
    run_id: Text
    plant_id: Text
    circuit_id: Text
    ended_at: datetime | None


class _Runs(View):
    trainings: list[_Run]


class ReleaseApi:
    """A client of one app. `url` is the app's address, with or without `/api`. `token` may be empty where everybody may
    ask; where it is a function it is called for each request, so that a token that lasts an hour is renewed."""

    def __init__(self, url: str, token: str | Callable[[], str]) -> None:
        base = url.rstrip("/")
        parts = urlsplit(base)
        local = (parts.hostname or "") in LOOPBACK
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ApiError(f"{url!r} is no address: set SWITCHYARD_URL to https://<function app>")
        if parts.scheme == "http" and not local:
            raise ApiError(f"{url} would send your token unencrypted: use https://")
        self._base = base
        self._names: dict[str, str] = {}
        self._client = httpx.Client(
            base_url=base if base.endswith("/api") else f"{base}/api",
            headers={"Accept": "application/json"},
            auth=_Bearer(token),
            timeout=TIMEOUT_S,
            trust_env=not local,  # loopback is never reached through a proxy
            verify=parts.scheme == "https",  # without TLS there is no certificate, and nothing to read to check it
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def releases(self, limit: int = PAGE_MAX, **wanted: str) -> Any:
        """JSON of the list, of as many pages as `limit` releases need; `wanted` are the API's parameters."""
        return self._listed("/releases", "releases", limit, wanted)

    def release(self, release_id: str) -> Any:
        """JSON of one release."""
        return self._release("GET", release_id)

    def sign_in_settings(self) -> SignInSettings:
        """How people sign in at the app; everybody may ask."""
        return parse(SignInSettings, _json(self._send("GET", "/board-settings")))

    def release_id(self, text: str) -> str:
        """The whole id of the release that a part of it, or a circuit, means."""
        return parse(Summary, self.release(text)).release_id

    def history(self, release_id: str) -> Any:
        """JSON of its history."""
        return self._release("GET", release_id, "/history")

    def notifications(self, release_id: str) -> Any:
        """JSON of who was told of one release."""
        return self._request("GET", f"/releases/{quote(release_id, safe='')}/notifications")

    def contacts(self) -> Any:
        """JSON of whom to ask in an emergency."""
        return self._request("GET", "/contacts")

    def fleet(self) -> Any:
        """JSON of what every circuit runs."""
        return self._request("GET", "/fleet")

    def gates(self, limit: int, *, mine: bool) -> Any:
        """JSON of the gates that wait; with `mine` those that the caller may decide on."""
        return self._request("GET", "/gates" + _query({"limit": str(limit), "mine": str(mine).lower()}))

    def decide_many(self, decisions: list[dict[str, Any]], reason: str) -> Any:
        """JSON with an answer for each decision."""
        return self._request("POST", "/gates/decisions", {"decisions": decisions, "reason": reason})

    def targets(self, release_id: str) -> Any:
        """JSON of the targets of an environment release."""
        return self._release("GET", release_id, "/targets")

    def evidence(self, release_id: str) -> Any:
        """JSON of what the evidence of an environment release is worth."""
        return self._release("GET", release_id, "/evidence")

    def submit_evidence(self, release_id: str, notebook: bytes) -> Any:
        """Hand in an executed notebook; the JSON says what it is worth."""
        return self._release("POST", release_id, "/evidence", content=notebook)

    def evidence_file(self, release_id: str) -> bytes:
        """The notebook that was handed in."""
        release_id = self.release_id(release_id)
        return self._send("GET", f"/releases/{quote(release_id, safe='')}/evidence?download=1").content

    def rollback_metadata(self, release_id: str, form: str) -> Any:
        """JSON of what every target ran before; `form` is `list` or `release`."""
        return self._release("GET", release_id, f"/rollback-metadata?format={quote(form, safe='')}")

    def environment_versions(self, running: str | None) -> Any:
        """JSON of the versions that models keep working in; with `running`, those that can take its place."""
        query = f"?running={quote(running, safe='')}" if running is not None else ""
        return self._request("GET", f"/environment-versions{query}")

    def release_environment(self, version: str, reason: str) -> Accepted:
        """Ask for the release of a registered environment version."""
        return parse(Accepted, self._request("POST", "/environment-releases", {"version": version, "reason": reason}))

    def release_online(self, wish: Mapping[str, Any]) -> Accepted:
        """Ask for the comparison of a model version and, if it is better, for its release to online endpoints."""
        return parse(Accepted, self._request("POST", "/online-releases", dict(wish)))

    def deployment_state(self, release_id: str) -> Any:
        """JSON of what a release to online endpoints recorded."""
        return self._request("GET", f"/releases/{quote(release_id, safe='')}/deployment-state")

    def release_model(self, name: str, version: str, reason: str) -> Accepted:
        """Ask for the release of a model version."""
        body = {"name": name, "version": version, "reason": reason}
        return parse(Accepted, self._request("POST", "/model-releases", body))

    def decide(self, release_id: str, stage: str, decision: str, digest: str, reason: str) -> Accepted:
        """Approve or reject the open gate; `digest` says what was looked at."""
        path = f"/gates/{quote(stage, safe='')}/decisions"
        body = {"decision": decision, "digest": digest, "reason": reason}
        return parse(Accepted, self._release("POST", release_id, path, body))

    def roll_back(
        self, release_id: str, reason: str, *, critical: bool, to: str = "", models: Sequence[str] = ()
    ) -> Accepted:
        """Ask for what ran before, or for an earlier version; the answer names the release that does it."""
        body: dict[str, object] = {"reason": reason, "critical": critical}
        body |= {"to": to} if to else {}
        body |= {"models": list(models)} if models else {}
        return parse(Accepted, self._release("POST", release_id, "/rollback", body))

    def rollback_report(self, release_id: str) -> Any:
        """JSON of what a rollback did."""
        return self._release("GET", release_id, "/rollback-report")

    def alerts(self, limit: int) -> Any:
        """JSON of the latest alerts."""
        return self._listed("/alerts", "alerts", limit, {})

    def changes(self, limit: int) -> Any:
        """JSON of the latest changes."""
        return self._listed("/changes", "changes", limit, {})

    def change(self, change_id: str) -> Any:
        """JSON of one change."""
        return self._request("GET", f"/changes/{quote(change_id, safe='')}")

    def inference(self, date: str) -> Any:
        """JSON of a day's inference; of the last day when `date` is empty."""
        return self._request("GET", f"/inference?date={quote(date, safe='')}" if date else "/inference")

    def infer(self, wish: dict[str, Any]) -> Any:
        """Start a day's inference."""
        return self._request("POST", "/inference", wish)

    def monitoring(self, month: str, quarter: str) -> Any:
        """JSON of the checks of performance and drift; the last ones where nothing is named."""
        named = {"month": month, "quarter": quarter}
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in named.items() if value)
        return self._request("GET", f"/monitoring?{query}" if query else "/monitoring")

    def check(self, wish: dict[str, Any]) -> Any:
        """Start a check."""
        return self._request("POST", "/monitoring", wish)

    def freezes(self) -> Any:
        """JSON of the freezes that are active or planned."""
        return self._request("GET", "/freezes")

    def freeze(self, wish: dict[str, Any]) -> Any:
        """Freeze a scope; the answer is the freeze."""
        return self._request("POST", "/freezes", wish)

    def lift(self, freeze_id: str, reason: str) -> Any:
        """End a freeze early; the answer is the freeze as it was lifted."""
        return self._named("POST", "/freezes", freeze_id, self._freezes, "/lift", {"reason": reason})

    def trainings(self, limit: int = PAGE_MAX) -> Any:
        """JSON of open training runs and ended ones."""
        return self._listed("/trainings", "trainings", limit, {})

    def training(self, run_id: str) -> Any:
        """JSON of one training run."""
        return self._named("GET", "/trainings", run_id, self._trainings)

    def train(self, wish: dict[str, Any]) -> Any:
        """Train a circuit; the answer is the run."""
        return self._request("POST", "/trainings", wish)

    def abort_training(self, run_id: str, reason: str) -> Any:
        """End a run; the answer is the run as it is then."""
        return self._named("POST", "/trainings", run_id, self._trainings, "/abort", {"reason": reason})

    def lineage(self, version: str, *, model: str = "", plant: str = "", circuit: str = "") -> Any:
        """JSON of where a model comes from, named by itself or by its circuit."""
        plant, circuit, model = (quote(each, safe="") for each in (plant, circuit, model))
        where = f"/models/{model}" if model else f"/circuits/{plant}/{circuit}/models"
        return self._request("GET", f"{where}/{quote(version, safe='')}/lineage")

    def act(self, release_id: str, action: str, reason: str) -> Accepted:
        """`abort`, `retry` or `again`."""
        return parse(Accepted, self._release("POST", release_id, f"/{action}", {"reason": reason}))

    def _release(
        self,
        method: str,
        text: str,
        rest: str = "",
        body: _Body = None,
        *,
        content: bytes | None = None,
    ) -> Any:
        return self._named(method, "/releases", text, lambda: self._releases(text), rest, body, content=content)

    def _named(
        self,
        method: str,
        path: str,
        text: str,
        listed: Callable[[], Sequence[Named]],
        rest: str = "",
        body: _Body = None,
        *,
        content: bytes | None = None,
    ) -> Any:
        """Asks about what `text` means (cli.naming). What is no circuit is tried as a whole id first: it mostly is."""
        name = self._names.get(text) or (text if not circuit_of(text) else self._meant(text, listed))
        try:
            return self._request(method, f"{path}/{quote(name, safe='')}{rest}", body, content=content)
        except NotFoundError:
            found = self._meant(text, listed) if name == text else name
            if found == name:
                raise
            return self._request(method, f"{path}/{quote(found, safe='')}{rest}", body, content=content)

    def _meant(self, text: str, listed: Callable[[], Sequence[Named]]) -> str:
        """The id, which is remembered; the text itself where nothing is meant, so that the app says so."""
        try:
            self._names[text] = meant(text, listed) or text
        except AmbiguousError as error:
            raise ApiError(str(error)) from error
        return self._names[text]

    def _releases(self, text: str) -> list[Named]:
        answer = self.releases(NAMED_MAX, circuit=circuit_of(text).replace("/", "-"))
        found = parse(Releases, answer).releases
        for_whom = circuit_of(text)  # a release of the whole fleet is for each of its circuits
        return [Named(each.release_id, for_whom, open=not each.ended, state=each.phase) for each in found]

    def _trainings(self) -> list[Named]:
        found = parse(_Runs, self.trainings(NAMED_MAX)).trainings
        return [Named(each.run_id, f"{each.plant_id}/{each.circuit_id}", each.ended_at is None) for each in found]

    def _freezes(self) -> list[Named]:
        return [Named(each.freeze_id, state=each.scope) for each in parse(Freezes, self.freezes()).freezes]

    def _listed(self, path: str, name: str, limit: int, wanted: Mapping[str, str]) -> Any:
        """The pages of a list as one answer, whose `next` is not null where more would follow. `name` is where its
        records are. A page may hold fewer than were asked for, and not be the last."""
        query = {key: value for key, value in wanted.items() if value}
        answer = self._request("GET", path + _query({"limit": str(min(limit, PAGE_MAX)), **query}))
        while (
            isinstance(answer, dict)
            and (missing := limit - len(answer.get(name, []))) > 0
            and (after := answer.get("next"))
        ):
            page = {"limit": str(min(missing, PAGE_MAX)), "after": str(after), **query}
            following = self._request("GET", path + _query(page))
            for part in (name, "unreadable"):
                answer[part] = [*answer.get(part, []), *following.get(part, [])]
            answer["next"] = following.get("next")
        return answer

    def _request(self, method: str, path: str, body: _Body = None, *, content: bytes | None = None) -> Any:
        return _json(self._send(method, path, body, content))

    def _send(self, method: str, path: str, body: _Body = None, content: bytes | None = None) -> httpx.Response:
        headers = {"Content-Type": NOTEBOOK_TYPE} if content is not None else None
        try:
            answer = self._client.request(method, path, json=body, content=content, headers=headers)
        except httpx.TransportError as error:
            raise ApiUnavailableError(
                f"{self._base} does not answer ({type(error).__name__}: {error}): check SWITCHYARD_URL and the network"
            ) from error
        if answer.is_success:
            return answer
        raise _refusal(answer)


def _query(asked: Mapping[str, str]) -> str:
    return "?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in asked.items())


def parse(view: type[ViewT], answer: Any) -> ViewT:
    """The answer as a view. Raises ApiError for an answer of something that is not this API."""
    try:
        return view.model_validate(answer)
    except ValidationError as error:
        where = ", ".join(sorted({".".join(map(str, each["loc"])) or "answer" for each in error.errors()}))
        raise ApiError(
            f"the answer is not one of version 1 of Switchyard's API (unexpected: {where}): check SWITCHYARD_URL"
        ) from error


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except json.JSONDecodeError as error:
        raise ApiError(f"{answer.url} does not answer with JSON: check SWITCHYARD_URL") from error


def _refusal(answer: httpx.Response) -> ApiError:
    """The app's own words, and what to do where it cannot know."""
    try:
        problem = Problem.model_validate(answer.json())
    except ValueError:  # JSON that is none, or of another form: a proxy's or gateway's page
        problem = Problem()
    said = problem.detail or problem.title or f"{answer.url} answers {answer.status_code} without saying why"
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        return ApiError(
            f"{said}\nYour token was not accepted: `{COMMAND} login`, or put a new one into SWITCHYARD_TOKEN"
        )
    if answer.status_code in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.BAD_GATEWAY, HTTPStatus.TOO_MANY_REQUESTS):
        return ApiUnavailableError(f"{said}\nTry again in a moment: asking twice does no harm")
    return (NotFoundError if answer.status_code == HTTPStatus.NOT_FOUND else ApiError)(said)
