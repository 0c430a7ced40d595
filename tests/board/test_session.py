"""A connection that breaks and comes back, a session that ends, and what a person had typed."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.board.conftest import People
from tests.board.works import CIRCUITS, Works

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

TYPED = "the range looks wrong"


@pytest.fixture(scope="module")
def gate(works: Works) -> str:
    """The address of a gate that stays open."""
    return f"/releases/{works.at_registry_gate(CIRCUITS[5]).release_id}"


def typed(page: Page) -> None:
    """A reason that was typed, and not sent."""
    page.get_by_role("button", name="Reject…").click()
    page.get_by_role("dialog").get_by_label("Reason").fill(TYPED)


def test_offline_the_data_stays_and_nothing_can_be_decided_until_it_is_back(people: People, gate: str) -> None:
    page = people("Engineer One", gate)
    page.get_by_role("button", name="Approve…").wait_for()

    page.context.set_offline(True)
    expect(page.get_by_role("complementary", name="Connection")).to_contain_text("Offline since")
    expect(page.get_by_text("sensor_model_").first).to_be_visible()
    expect(page.get_by_role("button", name="Approve…")).to_have_attribute("aria-disabled", "true")
    page.get_by_role("button", name="Approve…").click(force=True)
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.context.set_offline(False)

    expect(page.get_by_role("complementary", name="Connection")).to_contain_text("Connected again")
    expect(page.get_by_role("button", name="Approve…")).to_have_attribute("aria-disabled", "false")


def test_a_session_that_ended_leads_back_to_the_gate_with_what_was_typed(
    works: Works, people: People, gate: str
) -> None:
    """The token is worth nothing any more, and no other is given for it: nothing was sent, and nothing is lost."""
    page = people("Engineer One", gate)
    typed(page)

    httpx.post(f"{works.cloud.urls['identity']}/control/end-sessions", trust_env=False).raise_for_status()
    page.evaluate("""() => {
        for (const [key, text] of Object.entries(sessionStorage)) {
            if (!key.startsWith('oidc.user:')) continue
            sessionStorage.setItem(key, JSON.stringify({ ...JSON.parse(text), access_token: 'worth.nothing.any-more' }))
        }
    }""")
    expect(page.get_by_role("heading", name="Sign in again")).to_be_visible()
    expect(page.get_by_text("What you had typed is kept")).to_be_visible()
    page.get_by_role("button", name="Sign in as Engineer One").click()
    page.get_by_role("button", name="Engineer One").click()

    page.get_by_role("button", name="Reject…").click()
    expect(page.get_by_role("dialog").get_by_label("Reason")).to_have_value(TYPED)


def test_a_token_that_ends_is_renewed_without_a_word(people: People, gate: str) -> None:
    """A refusal of the API is answered with a new token, once, and the page goes on."""
    page = people("Engineer One", gate)
    before = page.evaluate("() => Object.entries(sessionStorage).find(([key]) => key.startsWith('oidc.user:'))[1]")

    page.evaluate("""() => {
        const [key, text] = Object.entries(sessionStorage).find(([key]) => key.startsWith('oidc.user:'))
        sessionStorage.setItem(key, JSON.stringify({ ...JSON.parse(text), access_token: 'worth.nothing.any-more' }))
    }""")
    page.wait_for_function(
        """(before) => {
            const [, text] = Object.entries(sessionStorage).find(([key]) => key.startsWith('oidc.user:'))
            return JSON.parse(text).access_token.length > 100 && text !== before
        }""",
        arg=before,
    )

    page.reload()
    expect(page.get_by_role("button", name="Reject…")).to_be_visible()


def test_no_token_is_ever_in_an_address_or_kept_longer_than_the_tab(people: People, gate: str) -> None:
    page = people("Engineer One", gate)
    token = page.evaluate(
        "() => JSON.parse(Object.entries(sessionStorage).find(([key]) => key.startsWith('oidc.user:'))[1]).access_token"
    )

    addresses = page.evaluate(
        "() => [location.href, ...performance.getEntriesByType('resource').map((each) => each.name)]"
    )
    kept = page.evaluate("() => [document.cookie, JSON.stringify({ ...localStorage })]")
    assert token
    assert all(token not in text and "code=" not in text for text in addresses)
    assert kept == ["", "{}"]


def test_signing_out_leaves_nothing_behind(people: People, gate: str) -> None:
    page = people("Engineer One", gate)

    page.locator("summary", has_text="Engineer One").click()
    page.get_by_role("button", name="Sign out").click()

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.evaluate("() => Object.keys(sessionStorage).filter((key) => key.startsWith('oidc.user'))") == []
