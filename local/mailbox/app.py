"""HTTP face of the mailbox: the mail service, workflows of Teams, webhooks; a page and an API of what came.

Sources: REST reference of Azure Communication Services email (2025-09-01) and its page on repeatable requests; Teams
documentation of workflows' webhooks; CloudEvents 1.0; docs/local-cloud-contract.md for /health and /control.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from email.utils import parsedate_to_datetime
from secrets import compare_digest

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from local.mailbox import forms
from local.mailbox.credentials import MailAuthenticator, Unauthorized, check_webhook
from local.mailbox.faults import Fault, Faults
from local.mailbox.page import page_of
from local.mailbox.store import Arrived, Store
from local.redirect import EMULATED_HOST_HEADER
from local.serving import REFUSALS, error, health, json_body

API_VERSIONS = ("2023-03-31", "2025-09-01")
REPEATABLE_S = 300
SENT_AFTER_S = 0.5
"""So long a mail is on its way."""

CARDS_PER_SECOND = 4


@dataclass
class MailboxApi:
    """`sender` is the one address that mail may come from, `workflow_signature` what addresses of workflows carry, and
    `webhook_secret` what webhooks are signed with."""

    store: Store
    authenticator: MailAuthenticator
    sender: str
    workflow_signature: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    base: str = ""
    faults: Faults = field(default_factory=Faults)
    _cards: defaultdict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque))

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/health", health),
                Route("/", self.page),
                Route("/messages", self.messages),
                Route("/messages", self.forget, methods=["DELETE"]),
                Route("/emails:send", self.send_mail, methods=["POST"]),
                Route("/emails/operations/{operation_id}", self.read_operation),
                Route("/workflows/{name}", self.post_card, methods=["POST"]),
                Route("/webhooks/{name}", self.post_event, methods=["POST"]),
                Route("/control/faults", self.add_fault, methods=["POST"]),
                Route("/control/faults", self.clear_faults, methods=["DELETE"]),
            ],
            exception_handlers=REFUSALS,
        )

    # What came

    async def page(self, request: Request) -> Response:
        return HTMLResponse(page_of(self.store.listed()), headers={"Content-Security-Policy": "default-src 'none'"})

    async def messages(self, request: Request) -> Response:
        """`?channel=&recipient=&after=`, the latest first."""
        query = request.query_params
        after = query.get("after", "0")
        if not after.isdecimal():
            return error(400, "BadRequest", "after is the id of a message.")
        found = self.store.listed(
            channel=query.get("channel", ""), recipient=query.get("recipient", ""), after=int(after)
        )
        return JSONResponse({"messages": [asdict(each) for each in found]})

    async def forget(self, request: Request) -> Response:
        self.store.clear()
        return Response(status_code=204)

    # Mail

    async def send_mail(self, request: Request) -> Response:
        body = await request.body()
        if refused := await self._mail_refused(request, body):
            return refused
        try:
            mail = forms.parsed(body)
            addresses, subject = forms.mail(mail, self.sender)
            operation_id = str(uuid.UUID(request.headers.get("operation-id") or str(uuid.uuid4())))
        except (forms.BadForm, ValueError) as problem:
            return error(400, "BadRequest", str(problem))
        request_id = request.headers.get("repeatability-request-id")
        if request_id:
            if _age_s(request.headers.get("repeatability-first-sent", "")) > REPEATABLE_S:
                return error(412, "PreconditionFailed", "Repeatability-First-Sent is missing or too long ago.")
            operation_id = self.store.request(request_id, operation_id)

        def keep(fault: Fault | None) -> None:
            for address in addresses:
                bounced = fault is not None and fault.bounce
                self.store.add("mail", address, subject, operation_id, mail, bounced=bounced)

        location = f"{self.base}/emails/operations/{operation_id}?api-version={API_VERSIONS[-1]}"
        taken = JSONResponse(
            {"id": operation_id, "status": "Running", "error": None},
            status_code=202,
            headers={"Operation-Location": location, "retry-after": "1"},
        )
        return await self._answered("mail", addresses[0], keep, taken)

    async def read_operation(self, request: Request) -> Response:
        if refused := await self._mail_refused(request, b""):
            return refused
        mail = self.store.operation(request.path_params["operation_id"])
        if mail is None:
            return error(404, "NotFound", "There is no such operation.")
        return JSONResponse(_operation_of(mail))

    async def _mail_refused(self, request: Request, body: bytes) -> Response | None:
        if request.query_params.get("api-version") not in API_VERSIONS:
            return error(400, "UnsupportedApiVersion", f"The api-version is one of {', '.join(API_VERSIONS)}.")
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        try:
            host = request.headers.get(EMULATED_HOST_HEADER, request.headers.get("host", ""))
            await self.authenticator.check(request.method, host, path, request.headers, body)
        except Unauthorized as problem:
            return error(401, "Denied", str(problem))
        return None

    # Teams and webhooks

    async def post_card(self, request: Request) -> Response:
        name, body = request.path_params["name"], await request.body()
        if not compare_digest(request.query_params.get("sig", ""), self.workflow_signature):
            return error(401, "DirectApiAuthorizationRequired", "The address has no signature, or a wrong one.")
        try:
            post, subject = forms.card(body)
        except forms.BadForm as problem:
            return error(413 if len(body) > forms.CARD_BYTES_MAX else 400, "BadRequest", str(problem))
        if not self._has_turn(name):
            return JSONResponse({}, status_code=429, headers={"Retry-After": "1"})

        def keep(_: Fault | None) -> None:
            self.store.add("teams", name, subject, str(uuid.uuid4()), post)

        return await self._answered("teams", name, keep, Response(status_code=202))

    def _has_turn(self, name: str) -> bool:
        recent, now = self._cards[name], time.monotonic()
        while recent and now - recent[0] >= 1:
            recent.popleft()
        if len(recent) >= CARDS_PER_SECOND:
            return False
        recent.append(now)
        return True

    async def post_event(self, request: Request) -> Response:
        name, body = request.path_params["name"], await request.body()
        try:
            message_id = check_webhook(request.headers, body, self.webhook_secret)
            event, subject = forms.event(body)
        except Unauthorized as problem:
            return error(401, "Unauthorized", str(problem))
        except forms.BadForm as problem:
            return error(400, "BadRequest", str(problem))

        def keep(_: Fault | None) -> None:
            self.store.add("webhook", name, subject, message_id, event)

        return await self._answered("webhook", name, keep, Response(status_code=204))

    # Faults

    async def _answered(
        self, channel: str, recipient: str, keep: Callable[[Fault | None], None], taken: Response
    ) -> Response:
        fault = self.faults.next_of(channel, recipient)
        if fault is None:
            keep(None)
            return taken
        if not fault.status or fault.takes:
            keep(fault)
        await asyncio.sleep(fault.delay_s)
        if not fault.status:
            return taken
        answer = error(fault.status, "Fault", "This was asked for.")
        if fault.retry_after_s is not None:
            answer.headers["Retry-After"] = str(fault.retry_after_s)
        return answer

    async def add_fault(self, request: Request) -> Response:
        try:
            self.faults.add(Fault.model_validate(await json_body(request)))
        except ValidationError as problem:
            return error(400, "BadRequest", str(problem))
        return Response(status_code=204)

    async def clear_faults(self, request: Request) -> Response:
        self.faults.clear()
        return Response(status_code=204)


def _operation_of(mail: Arrived) -> dict[str, object]:
    if mail.bounced:
        problem = {"code": "EmailDropped", "message": "The address does not take mail."}
        return {"id": mail.message_id, "status": "Failed", "error": problem}
    is_sent = time.time() - mail.received_at >= SENT_AFTER_S
    return {"id": mail.message_id, "status": "Succeeded" if is_sent else "Running", "error": None}


def _age_s(text: str) -> float:
    try:
        return time.time() - parsedate_to_datetime(text).timestamp()
    except ValueError:
        return REPEATABLE_S + 1
