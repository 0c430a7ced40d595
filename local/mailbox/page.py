"""The page of what came, for people: no script, everything escaped, links lead where the message says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape
from typing import Any

from local.mailbox.store import Arrived

_LINK = re.compile(r"https?://[^\s\"'<>]+")


def page_of(messages: Iterable[Arrived]) -> str:
    """The latest first."""
    rows = "".join(_row(each) for each in messages) or "<p>Nobody was told of anything yet.</p>"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Mailbox</title>'
        '<meta name="viewport" content="width=device-width"></head><body><h1>Mailbox of the local cloud</h1>'
        f'<p>What Switchyard sent, the latest first. As JSON: <a href="messages">messages</a>.</p>{rows}</body></html>'
    )


def _row(message: Arrived) -> str:
    at = f"{datetime.fromtimestamp(message.received_at, UTC):%Y-%m-%d %H:%M:%S} UTC"
    said = f", came {message.repeats + 1} times" if message.repeats else ""
    said += ", could not be delivered" if message.bounced else ""
    head = f"{at} &middot; {escape(message.channel)} to {escape(message.recipient)}{said}"
    return (
        f"<article><h2>{escape(message.subject)}</h2><p>{head}</p><pre>{_linked(_text(message))}</pre>"
        f"<details><summary>As it was sent</summary><pre>{escape(json.dumps(message.body, indent=2))}</pre></details>"
        "</article><hr>"
    )


def _text(message: Arrived) -> str:
    """What people read of it."""
    if message.channel == "mail":
        return str(message.body.get("content", {}).get("plainText", ""))
    if message.channel == "teams":
        card = message.body["attachments"][0]["content"]
        texts = [run.get("text", "") for block in card["body"] for run in block.get("inlines", ())]
        return "\n\n".join([*texts, *(action.get("url", "") for action in card.get("actions", ()))])
    data: dict[str, Any] = message.body.get("data") or {}
    links = [str(item.get("link") or "") for item in data.get("items", ())]
    return "\n\n".join([str(data.get("text", "")), *links])


def _linked(text: str) -> str:
    """The text escaped, with its addresses as links."""
    parts, at = [], 0
    for found in _LINK.finditer(text):
        address = escape(found.group())
        parts += [escape(text[at : found.start()]), f'<a href="{address}">{address}</a>']
        at = found.end()
    return "".join([*parts, escape(text[at:])])
