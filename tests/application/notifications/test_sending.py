"""A message on its way: one claim, one try at a time, another channel when one fails, and what a crash leaves."""

from datetime import datetime

import pytest

from shared.application.errors import (
    PlatformOutcomeUnknown,
    PlatformRefused,
    PlatformThrottled,
    PortError,
    TransientFault,
)
from shared.application.notifications.ports import Fate, Told
from shared.application.notifications.send import deliver
from shared.domain.notifications.delivery import Claim, Delivery, DeliveryState, claimed
from shared.domain.notifications.message import REPEATED, Message
from shared.domain.notifications.policy import ChannelKind
from tests.fakes.clock import START
from tests.fakes.notifications import FakeChannel
from tests.support.benches.notifications import NotificationBench, a_recipient, an_item

DOWN, REFUSED = TransientFault("it answered 503"), PlatformRefused("it answered 400")
SILENT = PlatformOutcomeUnknown("no answer")


def a_delivery() -> Delivery:
    recipient = a_recipient()
    return Delivery(
        key="d-1",
        recipient=recipient.name,
        addresses=recipient.addresses,
        items=(an_item(),),
        created_at=START,
        due_at=START,
    )


async def on_its_way(bench: NotificationBench, delivery: Delivery | None = None) -> Delivery:
    """The message as it is once everything that is due within two minutes was done."""
    await bench.log.create(delivery or a_delivery())
    for _ in range(60):
        try:
            await deliver("d-1", bench.ports)
            if bench.log.deliveries["d-1"][0].state.has_ended:
                break
            bench.clock.advance(5)
        except PortError as error:
            bench.clock.advance(getattr(error, "retry_after_s", 5))
    return bench.log.deliveries["d-1"][0]


async def test_the_claim_is_durable_before_anything_is_sent() -> None:
    bench = NotificationBench()
    seen: list[Claim | None] = []

    class Looking(FakeChannel):
        async def send(self, message: Message, to: str, requested_at: datetime) -> None:
            seen.append(bench.log.deliveries["d-1"][0].claim)

    bench.channels[ChannelKind.MAIL] = Looking()
    await on_its_way(bench)

    assert seen == [Claim(claimed_at=START)]


async def test_two_at_once_send_one() -> None:
    bench = NotificationBench()
    await bench.log.create(claimed(a_delivery(), START, a_delivery().items))

    with pytest.raises(TransientFault, match="is being sent"):
        await deliver("d-1", bench.ports)

    assert bench.mail.sent == []


async def test_a_channel_that_fails_three_times_is_left_for_the_next_one() -> None:
    bench = NotificationBench()
    bench.mail.failing = [DOWN] * 9

    delivery = await on_its_way(bench)

    assert (delivery.state, str(delivery.address)) == (DeliveryState.SENT, "teams engineer")
    assert [each.outcome for each in delivery.tries] == [*["it answered 503"] * 3, "accepted"]
    assert len(bench.teams.sent) == 1


async def test_a_refusal_is_told_on_the_next_channel_at_once() -> None:
    bench = NotificationBench()
    bench.mail.failing = [REFUSED]

    delivery = await on_its_way(bench)

    assert (len(bench.teams.sent), bench.clock.now()) == (1, START)
    assert delivery.state is DeliveryState.SENT


async def test_a_channel_that_is_not_set_up_is_passed_over_and_said() -> None:
    bench = NotificationBench()
    del bench.channels[ChannelKind.MAIL]

    delivery = await on_its_way(bench)

    assert len(bench.teams.sent) == 1
    assert delivery.tries[0].outcome == "mail is not set up: see docs/notifications.md"


async def test_what_every_channel_refuses_is_undeliverable_and_says_why() -> None:
    bench = NotificationBench()
    bench.mail.failing = [REFUSED]
    bench.teams.failing = [REFUSED]

    delivery = await on_its_way(bench)

    assert (delivery.state, delivery.note) == (DeliveryState.UNDELIVERABLE, "it answered 400")


async def test_patience_that_a_channel_asks_for_is_no_failure() -> None:
    """However often, within ten minutes; the pause is the one that it asks for."""
    bench = NotificationBench()
    bench.mail.failing = [PlatformThrottled("429", retry_after_s=60)] * 5

    delivery = await on_its_way(bench)

    assert (delivery.state, str(delivery.address)) == (DeliveryState.SENT, "mail engineer@example.com")
    assert (bench.clock.now() - START).total_seconds() == 300


async def test_a_channel_that_keeps_asking_for_patience_is_left() -> None:
    bench = NotificationBench()
    bench.mail.failing = [PlatformThrottled("429", retry_after_s=240)] * 20

    delivery = await on_its_way(bench)

    assert str(delivery.address) == "teams engineer"


@pytest.mark.parametrize("fate", [Fate.SENT, Fate.ON_ITS_WAY])
async def test_a_try_without_an_answer_is_not_repeated_where_the_channel_has_it(fate: Fate) -> None:
    bench = NotificationBench()
    bench.mail.failing = [SILENT]
    bench.mail.fates["d-1-0"] = Told(fate=fate)

    delivery = await on_its_way(bench)

    assert bench.mail.sent == []
    assert delivery.taken_at is not None


async def test_a_try_without_an_answer_is_the_same_request_again_where_it_never_came() -> None:
    bench = NotificationBench()
    bench.mail.failing = [SILENT]

    delivery = await on_its_way(bench)

    assert [message.message_id for _, message in bench.mail.sent] == ["d-1-0"]
    assert delivery.requested_at == START
    assert not bench.mail.sent[0][1].lead.startswith(REPEATED)


async def test_a_channel_that_keeps_no_record_gets_it_again_and_says_so() -> None:
    bench = NotificationBench()
    bench.mail.failing = [SILENT]
    bench.mail.fates["d-1-0"] = Told(fate=Fate.UNKNOWN)

    delivery = await on_its_way(bench)

    [(_, message)] = bench.mail.sent
    assert message.lead.startswith(REPEATED)
    assert delivery.doubtful_at == 0


async def test_a_claim_that_a_crash_left_is_settled_after_three_minutes() -> None:
    bench = NotificationBench()
    bench.mail.fates["d-1-0"] = Told(fate=Fate.SENT)

    delivery = await on_its_way(bench, claimed(a_delivery(), START, a_delivery().items))

    assert (delivery.state, bench.mail.sent) == (DeliveryState.SENT, [])
    assert (bench.clock.now() - START).total_seconds() == 180


async def test_mail_that_was_taken_and_could_not_be_delivered_is_told_on_the_next_channel() -> None:
    bench = NotificationBench()
    bench.mail.says_more = True
    bench.mail.fates["d-1-0"] = Told(fate=Fate.FAILED, reason="the address is suppressed")

    delivery = await on_its_way(bench)

    assert (len(bench.mail.sent), len(bench.teams.sent)) == (1, 1)
    assert [each.outcome for each in delivery.tries] == ["accepted", "the address is suppressed", "accepted"]


async def test_what_a_channel_says_no_more_about_counts_as_sent() -> None:
    bench = NotificationBench()
    bench.mail.says_more = True
    bench.mail.fates["d-1-0"] = Told(fate=Fate.ON_ITS_WAY)

    await bench.log.create(a_delivery())
    await deliver("d-1", bench.ports)
    assert (bench.log.deliveries["d-1"][0].state, bench.looks.ids) == (
        DeliveryState.TAKEN,
        ["delivery-d-1-taken-1"],
    )

    bench.clock.advance(1801)
    await deliver("d-1", bench.ports)
    assert bench.log.deliveries["d-1"][0].state is DeliveryState.SENT
