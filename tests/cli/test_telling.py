"""`notifications` and `contacts`: who was told when, what failed, whom to ask."""

from datetime import timedelta
from typing import Any

from shared.contracts.http.notifications import (
    ContactList,
    ContactView,
    DeliveryTry,
    NotificationList,
    NotificationView,
    UnheardView,
)
from tests.cli.conftest import OPENED, RELEASE, App, Run


def a_notification(**changes: Any) -> NotificationView:
    """The pager was told after mail had failed."""
    content: dict[str, Any] = {
        "recipient": "duty",
        "what": ["held"],
        "subject": "Held: sensor-model:1",
        "severity": "warning",
        "state": "sent",
        "channel": "webhook",
        "to": "pager",
        "due_at": OPENED,
        "told_at": OPENED + timedelta(seconds=4),
        "may_repeat": False,
        "tries": [
            DeliveryTry(at=OPENED, channel="mail", to="duty@example.com", outcome="the mail service answered 400: no"),
            DeliveryTry(at=OPENED, channel="webhook", to="pager", outcome="accepted"),
        ],
        "note": "",
    }
    return NotificationView(**{**content, **changes})


def listed(server: App, *told: NotificationView, nobody: tuple[UnheardView, ...] = ()) -> None:
    answer = NotificationList(release_id=RELEASE, notifications=list(told), nobody_told=list(nobody))
    server.on(f"GET /api/releases/{RELEASE}/notifications", answer)


def test_whoever_was_told_is_shown_with_when_and_how_and_what_failed_before(server: App, run: Run) -> None:
    listed(server, a_notification())
    result = run("notifications", RELEASE)

    assert result.exit_code == 0
    for text in ("2026-01-05 08:00:04Z", "duty", "Held: sensor-model:1", "sent by webhook to pager"):
        assert text in result.stdout
    assert "mail to duty@example.com: the mail service answered 400: no" in result.stdout
    assert "webhook to pager: accepted" not in result.stdout


def test_what_waits_says_what_hinders_it_and_what_nobody_heard_says_why(server: App, run: Run) -> None:
    waiting = a_notification(state="waiting", told_at=None, tries=[], note="given up after 16 more tries: away")
    nobody = UnheardView(fact="switchyard.release.held", at=OPENED, state="unheard", note="no rule names a recipient")
    listed(server, waiting, nobody=(nobody,))
    result = run("notifications", RELEASE)

    assert "waiting, webhook to pager" in result.stdout
    assert "given up after 16 more tries: away" in result.stdout
    assert "switchyard.release.held: nobody was told  no rule names a recipient" in result.stdout


def test_a_release_that_nobody_heard_of_says_so(server: App, run: Run) -> None:
    listed(server)
    assert "Nobody was told of this release" in run("notifications", RELEASE).stdout


def test_contacts_are_listed_with_what_they_do_and_how_to_reach_them(server: App, run: Run) -> None:
    contact = ContactView(role="On-call", does="carries rollbacks out", name="The duty phone", mail=None, phone="112")
    server.on("GET /api/contacts", ContactList(contacts=[contact]))
    assert "On-call (carries rollbacks out): The duty phone  112" in run("contacts").stdout

    server.on("GET /api/contacts", ContactList(contacts=[]))
    assert "config/notifications.yml" in run("contacts").stdout
