"""Mail by Azure Communication Services.

A request has an id of its own (`Operation-Id`), by which the service says what became of it, and which it takes once
within five minutes (`Repeatability-Request-Id`). The client repeats nothing by itself: the one pause does that.
"""

import asyncio
import html
import uuid
from datetime import datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import AzureError, HttpResponseError, ServiceRequestError
from azure.core.rest import HttpRequest

from shared.adapters.channels.answers import check
from shared.adapters.channels.words import paragraphs
from shared.application.errors import PlatformOutcomeUnknown, PlatformRefused, PortError, TransientFault
from shared.application.notifications.ports import Fate, Told
from shared.domain.notifications.message import Message

if TYPE_CHECKING:  # importing it takes long, and whoever builds the client has done it
    from azure.communication.email.aio import EmailClient

CALL_DEADLINE_S = 20.0
API_VERSION = "2025-09-01"

_IDS = uuid.UUID("6f3c0c4e-5b1f-4e0e-9d35-5c1b7f1a2d60")
_FATES = {
    "NotStarted": Fate.ON_ITS_WAY,
    "Running": Fate.ON_ITS_WAY,
    "Succeeded": Fate.SENT,
    "Failed": Fate.FAILED,
    "Canceled": Fate.FAILED,
}


class AzureMail:
    """Channel on a mail client, with one sender's address."""

    says_more = True
    takes_once = True

    def __init__(self, client: "EmailClient", sender: str, *, call_deadline_s: float = CALL_DEADLINE_S) -> None:
        self._client = client
        self._sender = sender
        self._call_deadline_s = call_deadline_s

    async def send(self, message: Message, to: str, requested_at: datetime) -> None:
        """Returns once the service has queued the mail."""
        operation_id = operation_id_of(message.message_id, requested_at)
        headers = {
            "Repeatability-Request-Id": operation_id,
            "Repeatability-First-Sent": format_datetime(requested_at, usegmt=True),
        }
        try:
            async with asyncio.timeout(self._call_deadline_s):
                await self._client.begin_send(
                    _mail(message, to, self._sender), operation_id=operation_id, headers=headers, polling=False
                )
        except HttpResponseError as error:
            raise _refusal(error) from error
        except ServiceRequestError as error:  # no connection: nothing was sent
            raise TransientFault(f"the mail service cannot be reached: {error}") from error
        except (AzureError, TimeoutError) as error:
            raise PlatformOutcomeUnknown(f"the mail service gave no answer: {error or type(error).__name__}") from error

    async def fate(self, message_id: str, requested_at: datetime) -> Told:
        """What the service says of the request."""
        path = f"{{endpoint}}/emails/operations/{operation_id_of(message_id, requested_at)}"
        try:
            async with asyncio.timeout(self._call_deadline_s):
                answer = await self._client.send_request(HttpRequest("GET", path, params={"api-version": API_VERSION}))
        except (AzureError, TimeoutError) as error:
            raise TransientFault(f"the mail service gave no answer: {error or type(error).__name__}") from error
        if answer.status_code == 404:
            return Told(fate=Fate.NOT_TAKEN)
        try:
            check(answer.status_code, answer.headers, answer.text(), "the mail service")
        except (PlatformOutcomeUnknown, PlatformRefused) as error:  # of the question, not of the mail
            raise TransientFault(str(error)) from error
        return _told(answer.json())


def operation_id_of(message_id: str, requested_at: datetime) -> str:
    """A UUID that follows from the message and the time of its request."""
    return str(uuid.uuid5(_IDS, f"{message_id}|{requested_at.isoformat()}"))


def _told(operation: Any) -> Told:
    said = operation.get("status") if isinstance(operation, dict) else None
    fate = _FATES.get(said) if isinstance(said, str) else None
    if fate is None:
        raise TransientFault(f"the mail service names an unknown state: {said!r}")
    problem = operation.get("error")
    reason = problem.get("message") if isinstance(problem, dict) else ""
    return Told(fate=fate, reason=f"the mail could not be delivered: {reason or said}")


def _refusal(error: HttpResponseError) -> PortError:
    """412 is a repetition that comes too late to be told from another request."""
    status = error.status_code or {"ResourceNotFoundError": 404}.get(type(error).__name__, 401)  # some lose it
    try:
        check(status, getattr(error.response, "headers", {}), error.message or "", "the mail service")
    except PlatformRefused as refused:
        return PlatformOutcomeUnknown(str(refused)) if status == 412 else refused
    except (TransientFault, PlatformOutcomeUnknown) as fault:
        return fault
    return PlatformOutcomeUnknown(f"the mail service answered {status}, which was not expected")


def _mail(message: Message, to: str, sender: str) -> dict[str, Any]:
    return {
        "senderAddress": sender,
        "recipients": {"to": [{"address": to}]},
        "content": {"subject": message.subject, "plainText": _plain(message), "html": _html(message)},
        "userEngagementTrackingDisabled": True,  # links lead to the board and nowhere else
    }


def _plain(message: Message) -> str:
    return "\n\n".join(text for each in paragraphs(message) for text in ("\n".join(each.lines), each.link) if text)


def _html(message: Message) -> str:
    """Plain elements, no style, no picture: everything that was said by others is escaped."""
    parts = []
    for each in paragraphs(message):
        lines = "<br>".join(html.escape(line) for line in each.lines)
        link = f'<br><a href="{html.escape(each.link)}">Open it on the board</a>' if each.link else ""
        parts.append(f"<p>{lines}{link}</p>")
    return "".join(parts)
