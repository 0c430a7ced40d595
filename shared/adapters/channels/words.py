"""A message as paragraphs, from which every channel makes its own form."""

from dataclasses import dataclass

from shared.domain.notifications.message import Message


@dataclass(frozen=True, kw_only=True)
class Paragraph:
    """Lines of text without any markup, and where they lead; empty for nowhere."""

    lines: tuple[str, ...]
    link: str = ""


def paragraphs(message: Message) -> tuple[Paragraph, ...]:
    """The lead, and each item with its facts. A single item says in the lead what it has to say."""
    if len(message.items) == 1:
        item = message.items[0]
        facts = tuple(f"{name}: {value}" for name, value in item.facts.items())
        return Paragraph(lines=(message.lead,)), Paragraph(lines=facts, link=message.link(item))
    each = (Paragraph(lines=(item.subject, item.text), link=message.link(item)) for item in message.items)
    return (Paragraph(lines=(message.lead,)), *each)
