"""The safety net under all work: messages make it quick, the sweep makes it certain.

A sweep decides nothing. It brings back looks that are late, and whatever else a crash left undone, under derived ids,
so that sweeping twice does no harm. A sweep is a list of nets, each a pair of `late` and `look`.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from shared.application.errors import TransientFault, Unreadable
from shared.application.listed import Listed
from shared.application.work.look import Look, LookQueue
from shared.application.work.pause import TRIES_MAX, tries_due, try_id

log = logging.getLogger(__name__)

AWAY_AFTER = 3
"""So many items of one net in a row to which nothing answered: the rest waits for the next sweep."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Net(Generic[T]):
    """One kind of thing to make good: `late` lists what may need it, `look` makes one of them good and says how much
    was missing, 0 for nothing."""

    name: str
    late: Callable[[], Awaitable[Iterable[T]]]
    look: Callable[[T], Awaitable[int]]
    id_of: Callable[[T], str] = str


@dataclass
class SweepReport:
    """How much each net made good, and the errors of what failed by net and id."""

    made_good: dict[str, int] = field(default_factory=dict)
    failed: dict[str, Exception] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class LateLook:
    """A look that should have been taken at `since`, whose message had this id."""

    look: Look
    message_id: str
    since: datetime


async def sweep(nets: Sequence[Net[Any]]) -> SweepReport:
    """One pass over the nets. What fails is logged with its id and stops nothing else: neither a row that nobody can
    read, nor a net whose list does not answer."""
    report = SweepReport()
    for net in nets:
        report.made_good[net.name] = 0
        try:
            late = await net.late()
        except Exception as error:
            _failed(report, net.name, error)
            continue
        for unreadable in late.unreadable if isinstance(late, Listed) else ():
            _failed(report, f"{net.name} {unreadable.record_id}", unreadable)
        await _made_good(net, list(late), report)
    return report


async def _made_good(net: Net[T], items: Sequence[T], report: SweepReport) -> None:
    silent = 0
    for item in items:
        try:
            report.made_good[net.name] += await net.look(item)
            silent = 0
        except Exception as error:
            _failed(report, f"{net.name} {net.id_of(item)}", error)
            silent = silent + 1 if isinstance(error, TransientFault) else 0
        if silent == AWAY_AFTER:
            log.warning("%s: several in a row got no answer; the next sweep takes the rest", net.name)
            return


def _failed(report: SweepReport, what: str, error: Exception) -> None:
    report.failed[what] = error
    log.error(
        "the sweep could not handle %s: %s", what, error, exc_info=not isinstance(error, (TransientFault, Unreadable))
    )


async def resend(late: LateLook, queue: LookQueue, now: datetime, *, grace_s: float) -> int:
    """Sends the look again if it is late by more than `grace_s`; 1 when it was, 0 when there is nothing to send yet.

    The message has the id of the follow-up that is due by now: where the follow-ups are alive, duplicate detection
    drops it, so that there is one chain of them and not one more with every sweep. Afterwards it is one chain an hour.
    """
    age_s = (now - late.since).total_seconds() - grace_s
    if age_s <= 0:
        return 0
    tries = tries_due(age_s)
    message_id = (
        f"{late.message_id}-hour-{int(age_s // 3600)}" if tries == TRIES_MAX else try_id(late.message_id, tries)
    )
    log.warning("the look at %s %s is late, sent again", late.look.kind.value, late.look.key)
    await queue.send(late.look, message_id)
    return 1
