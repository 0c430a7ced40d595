"""The channels of the product against the mailbox part: the real mail client, Teams cards, signed webhooks."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from azure.communication.email.aio import EmailClient

from local import redirect
from local.supervisor.parts import MAIL_ACCESS_KEY, MAIL_SENDER, WEBHOOK_SECRET
from local.supervisor.settings import MAIL_HOST
from shared.adapters.channels.cloud_events import SignedEndpoint, SignedWebhooks
from shared.adapters.channels.mail import AzureMail
from shared.adapters.channels.teams import CARD_BYTES_MAX, TeamsWorkflows, post_of
from shared.adapters.channels.webhook import Poster
from shared.adapters.system_clock import SystemClock
from shared.application.errors import (
    PlatformOutcomeUnknown,
    PlatformRefused,
    PlatformThrottled,
    TransientFault,
)
from shared.application.notifications.ports import Channel, Fate
from shared.domain.notifications.happening import Urgency
from shared.domain.notifications.message import Message
from tests.local.mailbox.conftest import Mailbox
from tests.support.benches.notifications import BOARD, an_item


def now() -> datetime:
    """The clock of the moment: a service takes no request that says it was first sent long ago."""
    return datetime.now(UTC)


KINDS = ("mail", "teams", "webhook")


class OpenPace:
    """A turn whenever somebody asks; notes when the service asked for patience."""

    def __init__(self) -> None:
        self.closed: list[float] = []

    async def turn(self) -> None:
        """At once."""

    async def closed_for(self, seconds: float) -> None:
        self.closed.append(seconds)


def a_message(*subjects: str, message_id: str = "") -> Message:
    items = tuple(an_item(item_id=subject, subject=subject) for subject in subjects or ("A <b>gate</b> waits",))
    return Message(
        message_id=message_id or uuid.uuid4().hex,
        subject=items[0].subject,
        lead=items[0].text,
        severity=Urgency.WARNING,
        items=items,
        board=BOARD,
    )


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def to(kind: str) -> str:
    """A recipient of the test's own."""
    name = uuid.uuid4().hex[:12]
    return f"{name}@example.com" if kind == "mail" else name


@pytest.fixture
async def channel(kind: str, to: str, mailbox: Mailbox) -> AsyncIterator[Channel]:
    """Each test runs on all three."""
    url, poster = mailbox.part.url, Poster(call_deadline_s=2)
    if kind == "mail":
        redirect.install(mailbox=url)
        connection = f"endpoint=https://{MAIL_HOST}/;accesskey={MAIL_ACCESS_KEY}"
        async with EmailClient.from_connection_string(connection, retry_total=0) as client:
            yield AzureMail(client, MAIL_SENDER, call_deadline_s=2)
        redirect.uninstall()
    elif kind == "teams":
        yield TeamsWorkflows({to: f"{url}/workflows/{to}?sig=local"}, poster, lambda _: OpenPace())
    else:
        yield SignedWebhooks({to: SignedEndpoint(f"{url}/webhooks/{to}", WEBHOOK_SECRET)}, poster, SystemClock())
    await poster.close()


async def test_a_message_arrives_with_its_words_and_its_link(
    channel: Channel, kind: str, to: str, mailbox: Mailbox
) -> None:
    await channel.send(a_message(), to, now())

    [arrived] = mailbox.messages(channel=kind, recipient=to)
    assert arrived["subject"] == "A <b>gate</b> waits"
    assert f"{BOARD}/releases/r-1" in json.dumps(arrived["body"])


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, PlatformRefused),
        (403, PlatformRefused),
        (404, PlatformRefused),
        (410, PlatformRefused),
        (429, PlatformThrottled),
        (500, PlatformOutcomeUnknown),
        (502, PlatformOutcomeUnknown),
        (503, TransientFault),
    ],
)
async def test_every_refusal_says_whether_to_try_again(
    channel: Channel, kind: str, to: str, mailbox: Mailbox, status: int, error: type[Exception]
) -> None:
    mailbox.fault(kind, to, status=status)

    with pytest.raises(error) as raised:
        await channel.send(a_message(), to, now())

    assert type(raised.value) is error
    assert str(status) in str(raised.value)
    assert "http" not in str(raised.value), "the address is a secret"
    assert mailbox.messages(channel=kind, recipient=to) == []


async def test_the_pause_that_a_service_asks_for_is_told(
    channel: Channel, kind: str, to: str, mailbox: Mailbox
) -> None:
    mailbox.fault(kind, to, status=429, retry_after_s=77)

    with pytest.raises(PlatformThrottled) as raised:
        await channel.send(a_message(), to, now())

    assert raised.value.retry_after_s == 77


async def test_a_silent_service_leaves_it_unknown(channel: Channel, kind: str, to: str, mailbox: Mailbox) -> None:
    """Whether it took the message or not."""
    mailbox.fault(kind, to, delay_s=30, takes=True, status=500)

    with pytest.raises(PlatformOutcomeUnknown):
        await channel.send(a_message(), to, now())


async def test_a_repetition_is_one_message_where_the_channel_promises_that(
    channel: Channel, kind: str, to: str, mailbox: Mailbox
) -> None:
    message, requested_at = a_message(), datetime.now(UTC)
    mailbox.fault(kind, to, status=500, takes=True)
    with pytest.raises(PlatformOutcomeUnknown):
        await channel.send(message, to, requested_at)
    await channel.send(message, to, requested_at)

    assert len(mailbox.messages(channel=kind, recipient=to)) == (1 if channel.takes_once else 2)


async def test_only_mail_says_what_became_of_a_request(channel: Channel, kind: str, to: str, mailbox: Mailbox) -> None:
    message, requested_at = a_message(), datetime.now(UTC)
    before = (await channel.fate(message.message_id, requested_at)).fate
    await channel.send(message, to, requested_at)
    after = (await channel.fate(message.message_id, requested_at)).fate

    if kind == "mail":
        assert before is Fate.NOT_TAKEN
        assert after in (Fate.ON_ITS_WAY, Fate.SENT)
    else:
        assert (before, after) == (Fate.UNKNOWN, Fate.UNKNOWN)


@pytest.mark.parametrize("kind", ["mail"], indirect=True)
async def test_mail_that_bounces_has_failed_with_the_reason(channel: Channel, to: str, mailbox: Mailbox) -> None:
    mailbox.fault("mail", to, bounce=True)
    message, at = a_message(), now()
    await channel.send(message, to, at)

    told = await channel.fate(message.message_id, at)

    assert told.fate is Fate.FAILED
    assert told.reason.endswith("The address does not take mail.")


@pytest.mark.parametrize("kind", ["mail"], indirect=True)
async def test_a_repetition_that_comes_too_late_is_unknown(channel: Channel, to: str) -> None:
    """The service would not know it from another request."""
    with pytest.raises(PlatformOutcomeUnknown, match="412"):
        await channel.send(a_message(), to, now() - timedelta(minutes=6))


@pytest.mark.parametrize("kind", ["mail"], indirect=True)
async def test_mail_shows_what_others_said_as_text(channel: Channel, to: str, mailbox: Mailbox) -> None:
    await channel.send(a_message("<script>x</script>", "second"), to, now())

    [arrived] = mailbox.messages(recipient=to)
    content = arrived["body"]["content"]
    assert "<script>" in content["plainText"]
    assert "&lt;script&gt;" in content["html"]
    assert "<script>" not in content["html"]


@pytest.mark.parametrize("kind", ["mail"], indirect=True)
async def test_a_wrong_key_is_refused(mailbox: Mailbox, channel: Channel, to: str) -> None:
    connection = f"endpoint=https://{MAIL_HOST}/;accesskey=b3RoZXI="
    async with EmailClient.from_connection_string(connection, retry_total=0) as client:
        with pytest.raises(PlatformRefused, match="401"):
            await AzureMail(client, MAIL_SENDER).send(a_message(), to, now())


def test_a_card_fits_whatever_it_tells() -> None:
    """28 KB; what does not fit is counted."""
    message = a_message(*(f"{number} " + "ü" * 500 for number in range(40)))
    message = replace(message, items=tuple(replace(item, text="ü" * 1500) for item in message.items))

    body = post_of(message)

    assert len(body) <= CARD_BYTES_MAX
    assert "more are on the board" in body.decode()


def test_names_of_models_are_no_markup_in_a_card() -> None:
    """Only runs of text, which Teams shows as they are."""
    card = json.loads(post_of(a_message("sensor_model_P001_C001:2")))["attachments"][0]["content"]

    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}


@pytest.mark.parametrize("kind", ["teams"], indirect=True)
async def test_a_fifth_card_within_a_second_has_to_wait(channel: Channel, to: str) -> None:
    async def thirty() -> None:
        for _ in range(30):
            await channel.send(a_message(), to, now())

    with pytest.raises(PlatformThrottled):
        await thirty()


@pytest.mark.parametrize("kind", ["teams", "webhook"], indirect=True)
async def test_a_name_without_an_address_is_refused_and_names_the_setting(channel: Channel, kind: str) -> None:
    setting: Callable[[str], str] = {"teams": "TEAMS_WEBHOOKS", "webhook": "WEBHOOKS"}.__getitem__
    with pytest.raises(PlatformRefused, match=setting(kind)):
        await channel.send(a_message(), "nobody", now())


def test_nothing_is_taken_without_its_credentials(mailbox: Mailbox) -> None:
    url = mailbox.part.url
    answers = [
        httpx.post(f"{url}/emails:send?api-version=2025-09-01", json={}),
        httpx.post(f"{url}/workflows/x", json={}),
        httpx.post(f"{url}/webhooks/x", json={}),
        httpx.post(f"{url}/webhooks/x", json={}, headers={"webhook-id": "1", "webhook-timestamp": "1"}),
    ]
    assert [each.status_code for each in answers] == [401] * 4


def test_a_card_of_the_retired_connectors_is_refused(mailbox: Mailbox) -> None:
    answer = httpx.post(f"{mailbox.part.url}/workflows/x?sig=local", json={"@type": "MessageCard", "text": "x"})
    assert answer.status_code == 400


async def test_the_page_shows_what_came_as_text(channel: Channel, to: str, mailbox: Mailbox) -> None:
    await channel.send(a_message(f"<i>{to}</i>"), to, now())

    page = mailbox.page()

    assert f"&lt;i&gt;{to}&lt;/i&gt;" in page.text
    assert f"<i>{to}</i>" not in page.text
    assert f'<a href="{BOARD}/releases/r-1">' in page.text
    assert page.headers["content-security-policy"] == "default-src 'none'"


def test_what_came_outlives_a_kill(mailbox: Mailbox) -> None:
    card = json.loads(post_of(a_message()))
    httpx.post(f"{mailbox.part.url}/workflows/kept?sig=local", json=card).raise_for_status()
    before = mailbox.messages()
    assert before
    mailbox.part.kill()
    mailbox.part.start_again()
    assert mailbox.messages() == before
