"""A message as every channel gets it: plain words, ready to be put into the form of the channel."""

from dataclasses import dataclass

from shared.domain.notifications.delivery import Delivery
from shared.domain.notifications.happening import News, Urgency

REPEATED = "You may have been told this before: the first try got no answer."


@dataclass(frozen=True, kw_only=True)
class Message:
    """`message_id` is the same for every try at one address. `lead` is the first sentence or two; each item is shown
    with its link, below `board`; without one there are no links."""

    message_id: str
    subject: str
    lead: str
    severity: Urgency
    items: tuple[News, ...]
    board: str

    def link(self, item: News) -> str:
        """Where the board shows it; opening it decides nothing."""
        return f"{self.board.rstrip('/')}/{item.path}" if self.board and item.path else ""


def message_of(delivery: Delivery, board: str, *, takes_once: bool = False) -> Message:
    """What is sent for a delivery. `board` is the address of the board, which may be empty. A channel that `takes_once`
    knows a repetition by its id; everywhere else people are told that it may be one."""
    is_known = takes_once and delivery.doubtful_at == delivery.place
    items = delivery.items
    first, count = items[0], len(items)
    subject = first.subject if count == 1 else f"{count} notices, the first: {first.subject}"
    lead = first.text if count == 1 else f"{count} things happened that you are told of together."
    return Message(
        message_id=delivery.message_id,
        subject=subject[:250],
        lead=f"{REPEATED} {lead}" if delivery.doubtful_at is not None and not is_known else lead,
        severity=max(each.severity for each in items),
        items=items,
        board=board,
    )
