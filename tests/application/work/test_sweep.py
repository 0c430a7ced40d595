"""One sweep for everything: nets and items are guarded one by one, and late looks are sent again as one chain."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from shared.application.alerts.looked_after import nets as alert_nets
from shared.application.changes.looked_after import nets as change_nets
from shared.application.errors import PlatformErrored, TransientFault, Unreadable
from shared.application.listed import Listed
from shared.application.notifications.looked_after import nets as notification_nets
from shared.application.routines.looked_after import nets as routine_nets
from shared.application.training.looked_after import nets as training_nets
from shared.application.work.look import Look, WorkKind
from shared.application.work.sweep import AWAY_AFTER, LateLook, Net, resend, sweep
from tests.fakes.queues import MemoryLookQueue
from tests.support.benches.changes import ChangeBench
from tests.support.benches.looked_after import Piece
from tests.support.benches.notifications import NotificationBench
from tests.support.benches.release import Bench
from tests.support.benches.routines import Production
from tests.support.benches.training import TrainingBench
from tests.support.builders import NOW

LOOK = Look(kind=WorkKind.ALERT, key="0" * 32)


class Items:
    """A net of numbered items, some of which fail."""

    def __init__(self, count: int, fails: dict[int, Exception]) -> None:
        self.count, self.fails = count, fails
        self.looked_at: list[int] = []

    async def late(self) -> Sequence[int]:
        return range(self.count)

    async def look(self, item: int) -> int:
        self.looked_at.append(item)
        if item in self.fails:
            raise self.fails[item]
        return 1

    def net(self, name: str = "items") -> Net[int]:
        return Net(name=name, late=self.late, look=self.look, id_of=lambda item: f"number {item}")


@pytest.mark.parametrize(
    "error", [TransientFault("no answer"), PlatformErrored("a fault"), ValueError("a row that nobody can read")]
)
async def test_an_item_that_fails_stops_no_other_and_is_logged_with_its_id(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    items = Items(4, {1: error})
    report = await sweep([items.net()])

    assert items.looked_at == [0, 1, 2, 3]
    assert (report.made_good, report.failed) == ({"items": 3}, {"items number 1": error})
    assert f"the sweep could not handle items number 1: {error}" in caplog.text


async def test_what_cannot_be_read_on_a_list_is_reported_with_its_id_and_stops_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    items, unreadable = Items(2, {}), Unreadable("run-a", "it has schema_v 99")

    async def late() -> Listed[int]:
        return Listed(range(2), [unreadable])

    report = await sweep([Net(name="items", late=late, look=items.look)])
    assert (report.made_good, report.failed) == ({"items": 2}, {"items run-a": unreadable})
    assert "the sweep could not handle items run-a" in caplog.text


async def test_a_net_that_cannot_be_listed_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    silent, items = TransientFault("the table does not answer"), Items(2, {})

    async def nothing() -> Sequence[int]:
        raise silent

    report = await sweep([Net(name="silent", late=nothing, look=items.look), items.net()])
    assert (report.made_good, report.failed) == ({"silent": 0, "items": 2}, {"silent": silent})
    assert "the sweep could not handle silent" in caplog.text


async def test_when_nothing_answers_any_more_the_rest_of_a_net_waits() -> None:
    """Every silence costs seconds, and a sweep must end; rows that cannot be read are no silence."""
    away = Items(10, dict.fromkeys(range(2, 10), TransientFault("no answer")))
    unreadable = Items(10, dict.fromkeys(range(10), ValueError("no form")))
    await sweep([away.net("away"), unreadable.net("unreadable")])
    assert away.looked_at == list(range(2 + AWAY_AFTER))
    assert unreadable.looked_at == list(range(10))


async def test_single_silences_among_answers_stop_nothing() -> None:
    items = Items(10, dict.fromkeys((0, 1, 3, 4, 6, 7), TransientFault("no answer")))
    await sweep([items.net()])
    assert items.looked_at == list(range(10))


@pytest.mark.parametrize(
    ("age_s", "message_id"),
    [
        (30, None),
        (31, "m"),
        (36, "m-try-1"),
        (30 + 35, "m-try-3"),
        (30 + 3300, "m-try-15"),
        (30 + 3600, "m-hour-1"),
        (30 + 7300, "m-hour-2"),
    ],
)
async def test_a_late_look_has_the_id_of_the_follow_up_that_is_due(age_s: float, message_id: str | None) -> None:
    """So that the bus drops it where the follow-ups are alive; after an hour there is one an hour."""
    queue = MemoryLookQueue()
    late = LateLook(look=LOOK, message_id="m", since=NOW)
    sent = await resend(late, queue, NOW + timedelta(seconds=age_s), grace_s=30)
    assert (sent, queue.ids) == ((1, [message_id]) if message_id else (0, []))


async def test_what_is_late_of_every_kind_is_looked_at_again(piece: Piece) -> None:
    """Its messages were lost; after five hours nothing else would come."""
    piece.clock.advance(5 * 3600)
    report = await sweep(nets_of(piece))
    assert report.failed == {}
    if piece.look.kind is WorkKind.PERIOD:  # nobody noted it: the person's message was all there was
        assert piece.queue.sent == []
        await piece.work.give_up(piece.look.key, "lost")
        await sweep(nets_of(piece))
        assert len(piece.queue.keys) == 3
        return
    assert piece.look.key in piece.queue.keys


async def test_a_sweep_twice_sends_nothing_twice(piece: Piece) -> None:
    piece.clock.advance(5 * 3600)
    await sweep(nets_of(piece))
    ids = piece.queue.ids
    await sweep(nets_of(piece))
    assert piece.queue.ids == ids


def nets_of(piece: Piece) -> list[Net[object]]:
    bench = piece.bench
    if isinstance(bench, Bench):
        return alert_nets(bench.alert_ports)
    if isinstance(bench, ChangeBench):
        return change_nets(bench.ports)
    if isinstance(bench, TrainingBench):
        return training_nets(bench.ports)
    if isinstance(bench, NotificationBench):
        return notification_nets(bench.ports)
    assert isinstance(bench, Production)
    return routine_nets(bench.ports)
