"""Teams: an Adaptive Card to the webhook of a workflow. A card has 28 KB at most, and a webhook takes four a second.

A workflow keeps no record that could be asked: after a try without an answer the card is posted again, and says so.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from shared.adapters.channels.webhook import Poster
from shared.adapters.channels.words import Paragraph, paragraphs
from shared.application.errors import PlatformRefused, PlatformThrottled
from shared.application.notifications.ports import Fate, Told
from shared.application.ports import Pace
from shared.domain.notifications.happening import Urgency
from shared.domain.notifications.message import Message

CARD_BYTES_MAX = 28 * 1024
PER_SECOND = 4.0
LINKS_MAX = 6
"""Buttons of a card; Teams shows no more."""

_LINE_CHARS_MAX = 800
_COLOURS = {Urgency.INFO: "default", Urgency.WARNING: "warning", Urgency.CRITICAL: "attention"}


class TeamsWorkflows:
    """Channel on webhooks of workflows by name; `pace_of` has the turns of each."""

    says_more = False
    takes_once = False

    def __init__(self, webhooks: Mapping[str, str], poster: Poster, pace_of: Callable[[str], Pace]) -> None:
        self._webhooks = webhooks
        self._poster = poster
        self._paces = {name: pace_of(name) for name in webhooks}

    async def send(self, message: Message, to: str, requested_at: datetime) -> None:
        """Returns once the workflow has taken the card."""
        url = self._webhooks.get(to)
        if url is None:
            raise PlatformRefused(f"the setting TEAMS_WEBHOOKS has no {to}")
        await self._paces[to].turn()
        try:
            await self._poster.post(url, post_of(message), {"Content-Type": "application/json"}, f"teams {to}")
        except PlatformThrottled as error:
            await self._paces[to].closed_for(error.retry_after_s)
            raise

    async def fate(self, message_id: str, requested_at: datetime) -> Told:
        """Nobody knows."""
        return Told(fate=Fate.UNKNOWN)


def post_of(message: Message) -> bytes:
    """The body of the post. Where it is too large, the last paragraphs are left out, and the card says how many."""
    shown = list(paragraphs(message))
    while True:
        left_out = len(paragraphs(message)) - len(shown)
        body = json.dumps(_post(message, shown, left_out), ensure_ascii=False).encode()
        if len(body) <= CARD_BYTES_MAX or len(shown) == 1:
            return body
        shown.pop()


def _post(message: Message, shown: list[Paragraph], left_out: int) -> dict[str, Any]:
    texts = [_text(message.subject, size="Medium", weight="Bolder", color=_COLOURS[message.severity])]
    texts += [_text("\n".join(each.lines)) for each in shown if each.lines]
    if left_out:
        texts.append(_text(f"{left_out} more are on the board."))
    links = list(dict.fromkeys(each.link for each in shown if each.link))
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": texts,
        "actions": [
            {
                "type": "Action.OpenUrl",
                "title": "Open it on the board" if len(links) == 1 else _title(link),
                "url": link,
            }
            for link in links[:LINKS_MAX]
        ],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _title(link: str) -> str:
    return link.rpartition("/")[2][:60]


def _text(text: str, **style: str) -> dict[str, Any]:
    """A block whose text is shown as it is: names of models hold what Markdown would take for marks."""
    cut = "\n".join(line[:_LINE_CHARS_MAX] for line in text.split("\n"))
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": cut, **style}]}
