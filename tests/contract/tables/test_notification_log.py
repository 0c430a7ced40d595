"""NotificationLog: every fact and every message once, what is open in the order of its time, what is of a release."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.adapters.tables.notifications import TableNotificationLog
from shared.application.errors import ConcurrentUpdate
from shared.application.notifications.ports import NotificationLog
from shared.domain.notifications import delivery as steps
from shared.domain.notifications.delivery import ITEMS_MAX, Delivery
from shared.domain.notifications.notice import Notice, NoticeState, ToldFact
from tests.fakes.notifications import MemoryNotificationLog
from tests.support.benches.notifications import a_recipient, an_item
from tests.support.builders import NOW

KEY, OTHER = "0" * 31 + "1", "0" * 31 + "2"


def a_notice(key: str = KEY, **changes: Any) -> Notice:
    fact = ToldFact(
        fact_id="r-1-3-fact", kind="switchyard.release.held", subject="releases/r-1", at=NOW, data={"reason": "größer"}
    )
    return replace(Notice(key=key, fact=fact, accepted_at=NOW), **changes)


def a_delivery(key: str = KEY, **changes: Any) -> Delivery:
    recipient = a_recipient()
    delivery = Delivery(
        key=key,
        recipient=recipient.name,
        addresses=recipient.addresses,
        items=(an_item(at=NOW),),
        created_at=NOW,
        due_at=NOW,
    )
    return replace(delivery, **changes)


@pytest.fixture(params=["memory", pytest.param("tables", marks=pytest.mark.azurite)])
def log(request: pytest.FixtureRequest) -> NotificationLog:
    """Each test runs on both."""
    if request.param == "memory":
        return MemoryNotificationLog()
    return TableNotificationLog(request.getfixturevalue("table"))


async def test_a_fact_is_accepted_once_and_read_back_as_it_was(log: NotificationLog) -> None:
    assert await log.accept(a_notice())
    assert not await log.accept(a_notice(note="again"))
    stored = await log.notice(KEY)
    assert stored is not None
    assert stored.notice == a_notice()


async def test_of_many_at_once_exactly_one_is_new(log: NotificationLog) -> None:
    answers = await asyncio.gather(*(log.create(a_delivery(note=str(number))) for number in range(8)))
    assert answers.count(True) == 1


async def test_a_message_is_read_back_with_every_try(log: NotificationLog) -> None:
    await log.create(a_delivery())
    stored = await log.delivery(KEY)
    assert stored is not None
    claimed = steps.claimed(stored.delivery, NOW, stored.delivery.items)
    version = await log.save(claimed, stored.version)
    tried = steps.doubtful(steps.unsettled(claimed, NOW, "no answer"), NOW)
    await log.save(tried, version)

    again = await log.delivery(KEY)
    assert again is not None
    assert again.delivery == tried


async def test_what_changed_meanwhile_is_not_overwritten(log: NotificationLog) -> None:
    """Two workers with the same message: one has the claim."""
    await log.create(a_delivery())
    stored = await log.delivery(KEY)
    assert stored is not None
    claimed = steps.claimed(stored.delivery, NOW, stored.delivery.items)
    await log.save(claimed, stored.version)
    with pytest.raises(ConcurrentUpdate):
        await log.save(claimed, stored.version)


async def test_open_ones_are_listed_until_they_end_the_earliest_first(log: NotificationLog) -> None:
    later = NOW + timedelta(hours=1)
    await log.create(a_delivery(OTHER, due_at=later))
    await log.create(a_delivery())
    await log.accept(a_notice())

    assert [each.key for each in await log.open_deliveries(later + timedelta(seconds=1), 5)] == [KEY, OTHER]
    assert [(each.key, each.due_at) for each in await log.open_deliveries(later, 5)] == [(KEY, NOW)]
    assert [each.key for each in await log.open_notices(5)] == [KEY]

    stored, notice = await log.delivery(KEY), await log.notice(KEY)
    assert stored is not None
    assert notice is not None
    await log.save(steps.dropped(stored.delivery, NOW, "over"), stored.version)
    await log.save_notice(replace(notice.notice, state=NoticeState.ROUTED), notice.version)
    assert await log.open_deliveries(later, 5) == []
    assert await log.open_notices(5) == []


async def test_what_is_about_a_release_is_found_by_it(log: NotificationLog) -> None:
    """Also what was added to a message later."""
    await log.accept(a_notice())
    await log.create(a_delivery(gathered=True))
    stored = await log.delivery(KEY)
    assert stored is not None
    await log.save(
        steps.with_item(stored.delivery, an_item(item_id="item-2", release_id="r-2", at=NOW)), stored.version
    )

    notices, deliveries = await log.of_release("r-1")
    assert [each.key for each in notices] == [KEY]
    assert [each.key for each in deliveries] == [KEY]
    assert [each.key for each in (await log.of_release("r-2"))[1]] == [KEY]
    assert await log.of_release("r-3") == ([], [])


async def test_the_largest_message_is_taken(log: NotificationLog) -> None:
    """Of letters that JSON writes with six."""
    facts = {f"name-{number}": "ü" * 300 for number in range(8)}
    items = tuple(
        an_item(item_id=f"item-{number}", text="ü" * 1500, facts=facts, release_id=f"r-{number}", at=NOW)
        for number in range(ITEMS_MAX)
    )
    await log.create(a_delivery(items=items[:1]))
    stored = await log.delivery(KEY)
    assert stored is not None
    await log.save(a_delivery(items=items), stored.version)
    again = await log.delivery(KEY)
    assert again is not None
    assert len(again.delivery.items) == ITEMS_MAX
