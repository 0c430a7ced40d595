"""Any webhook: a CloudEvent 1.0, signed as Standard Webhooks has it.

`webhook-id` is the same for every try, so that the receiver drops repetitions; the signature covers id, time and body.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shared.adapters.channels.webhook import Poster
from shared.application.errors import PlatformRefused
from shared.application.notifications.ports import Fate, Told
from shared.application.ports import Clock
from shared.domain.notifications.message import Message

TYPE = "switchyard.notification"
SOURCE = "/switchyard"


@dataclass(frozen=True)
class SignedEndpoint:
    """Where a webhook is, and the secret that it shares with us: `whsec_` and Base64."""

    url: str
    secret: str


class SignedWebhooks:
    """Channel on webhooks by name."""

    says_more = False
    takes_once = True

    def __init__(self, endpoints: Mapping[str, SignedEndpoint], poster: Poster, clock: Clock) -> None:
        self._endpoints = endpoints
        self._poster = poster
        self._clock = clock

    async def send(self, message: Message, to: str, requested_at: datetime) -> None:
        """Returns once the receiver has taken it."""
        endpoint = self._endpoints.get(to)
        if endpoint is None:
            raise PlatformRefused(f"the setting WEBHOOKS has no {to}")
        body, seconds = event_of(message, requested_at), int(self._clock.now().timestamp())
        headers = {
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            "webhook-id": message.message_id,
            "webhook-timestamp": str(seconds),
            "webhook-signature": signature_of(endpoint.secret, message.message_id, seconds, body),
        }
        await self._poster.post(endpoint.url, body, headers, f"webhook {to}")

    async def fate(self, message_id: str, requested_at: datetime) -> Told:
        """Nobody knows, but sending it again does no harm: the receiver knows its id."""
        return Told(fate=Fate.UNKNOWN)


def signature_of(secret: str, message_id: str, seconds: int, body: bytes) -> str:
    """The value of the header `webhook-signature`."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = hmac.new(key, f"{message_id}.{seconds}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(signed).decode()}"


def event_of(message: Message, at: datetime) -> bytes:
    """The event in its structured form."""
    items = [
        {
            "id": item.item_id,
            "what": item.what.value,
            "severity": item.severity.name.lower(),
            "at": item.at.isoformat(),
            "subject": item.subject,
            "text": item.text,
            "facts": item.facts,
            "release_id": item.release_id or None,
            "circuits": list(item.circuits),
            "link": message.link(item) or None,
        }
        for item in message.items
    ]
    event = {
        "specversion": "1.0",
        "id": message.message_id,
        "source": SOURCE,
        "type": TYPE,
        "subject": message.items[0].path,
        "time": at.isoformat(),
        "datacontenttype": "application/json",
        "data": {
            "subject": message.subject,
            "text": message.lead,
            "severity": message.severity.name.lower(),
            "items": items,
        },
    }
    return json.dumps(event).encode()
