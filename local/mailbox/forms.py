"""What a message has to look like to be taken, and what it is about. Raises BadForm, whose text says what is wrong."""

from __future__ import annotations

import json
from typing import Any

CARD_BYTES_MAX = 28 * 1024
_CARD = "application/vnd.microsoft.card.adaptive"


class BadForm(Exception):
    """The service would not take it."""


def parsed(body: bytes) -> dict[str, Any]:
    """A JSON object."""
    try:
        found = json.loads(body)
    except ValueError as problem:
        raise BadForm(f"The body is not JSON: {problem}") from problem
    if not isinstance(found, dict):
        raise BadForm("The body is no JSON object.")
    return found


def mail(body: dict[str, Any], sender: str) -> tuple[list[str], str]:
    """Recipients and subject of a mail."""
    content, recipients = body.get("content"), body.get("recipients")
    if body.get("senderAddress") != sender:
        raise BadForm(f"The senderAddress is not one of this resource: it has {sender}.")
    if not isinstance(content, dict) or not content.get("subject"):
        raise BadForm("content.subject is missing.")
    if not content.get("plainText") and not content.get("html"):
        raise BadForm("content needs plainText or html.")
    to = recipients.get("to") if isinstance(recipients, dict) else None
    if not isinstance(to, list) or not to:
        raise BadForm("recipients.to is empty.")
    addresses = [str(each.get("address", "")) for each in to if isinstance(each, dict)]
    if len(addresses) != len(to) or not all("@" in each for each in addresses):
        raise BadForm("recipients.to holds what is no address.")
    return addresses, str(content["subject"])


def card(body: bytes) -> tuple[dict[str, Any], str]:
    """A post to a workflow, and the first text of its card."""
    if len(body) > CARD_BYTES_MAX:
        raise BadForm(f"The card has {len(body):,} bytes; {CARD_BYTES_MAX:,} are the most.")
    post = parsed(body)
    attachments = post.get("attachments")
    if post.get("type") != "message" or not isinstance(attachments, list) or len(attachments) != 1:
        raise BadForm("A workflow takes a message with one attachment; connectors and their cards were retired.")
    content = attachments[0].get("content")
    if attachments[0].get("contentType") != _CARD or not isinstance(content, dict):
        raise BadForm(f"The attachment is no {_CARD}.")
    if content.get("type") != "AdaptiveCard" or not content.get("body"):
        raise BadForm("The attachment is no AdaptiveCard with a body.")
    return post, _first_text(content["body"][0])


def event(body: bytes) -> tuple[dict[str, Any], str]:
    """A CloudEvent in its structured form, and its subject."""
    found = parsed(body)
    missing = [name for name in ("specversion", "id", "source", "type") if not found.get(name)]
    if missing or found["specversion"] != "1.0":
        raise BadForm(f"This is no CloudEvent 1.0: {', '.join(missing) or 'specversion'}.")
    data = found.get("data")
    return found, str(data.get("subject", "")) if isinstance(data, dict) else ""


def _first_text(block: Any) -> str:
    inlines = block.get("inlines") if isinstance(block, dict) else None
    return str(inlines[0].get("text", "")) if inlines else str(block.get("text", "")) if isinstance(block, dict) else ""
