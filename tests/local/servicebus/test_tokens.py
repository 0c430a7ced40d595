"""Tokens put on $cbs: their form, and their signature where the broker knows what to check it with."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
from azure.servicebus._base_handler import ServiceBusSharedKeyCredential

from local.servicebus.errors import ServiceBusError
from local.servicebus.tokens import TokenChecker, check_form

NOW = 1_800_000_000.0
SAS = "SharedAccessSignature sr=sb%3a%2f%2flocalhost%2fq&sig=abc%3d&se={expiry}&skn=RootManageSharedAccessKey"


def jwt(claims: Any) -> str:
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{part}.c2ln"


@pytest.mark.parametrize("kind", ["servicebus.windows.net:sastoken", "jwt"])
def test_a_well_formed_token_that_has_not_expired_is_accepted(kind: str) -> None:
    """The client calls either form by either type."""
    for token in (SAS.format(expiry=int(NOW) + 60), jwt({"exp": NOW + 60})):
        assert check_form(kind, token, NOW) == token


@pytest.mark.parametrize(
    ("kind", "token", "reason"),
    [
        ("jwt", SAS.format(expiry=int(NOW) - 1), "ExpiredToken"),
        ("jwt", jwt({"exp": NOW - 1}), "ExpiredToken"),
        ("jwt", SAS.format(expiry="soon"), "not a time"),
        ("jwt", "SharedAccessSignature sr=a&sig=b", "needs the fields"),
        ("jwt", "not.a.token", "cannot be read"),
        ("jwt", jwt({"sub": "me"}), "no 'exp'"),
        ("jwt", "word", "three parts"),
        ("jwt", None, "as a string"),
        ("basic", jwt({"exp": NOW + 60}), "is not known"),
    ],
)
def test_any_other_token_is_unauthorized(kind: str, token: Any, reason: str) -> None:
    """The refusal says what is wrong with the token."""
    with pytest.raises(ServiceBusError, match=reason) as caught:
        check_form(kind, token, NOW)
    assert (caught.value.condition, caught.value.status) == ("amqp:unauthorized-access", 401)


def signed(name: str, key: str) -> str:
    """What the client makes of a connection string."""
    return str(ServiceBusSharedKeyCredential(name, key).get_token("sb://localhost/q").token)


def test_the_real_clients_own_signature_is_accepted() -> None:
    """With the right key, or by a broker that knows no keys."""
    now = time.time()
    assert TokenChecker({"Root": "secret"}).check("jwt", signed("Root", "secret"), now) is None
    assert TokenChecker().check("jwt", signed("Anybody", "anything"), now) is None


@pytest.mark.parametrize(
    ("name", "key", "reason"), [("Root", "wrong", "not signed with"), ("Reader", "secret", "no key named 'Reader'")]
)
def test_a_signature_made_with_another_key_is_refused(name: str, key: str, reason: str) -> None:
    """By a broker that knows the keys."""
    with pytest.raises(ServiceBusError, match=reason):
        TokenChecker({"Root": "secret"}).check("jwt", signed(name, key), time.time())
