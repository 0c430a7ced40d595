"""The form of tokens put on $cbs."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest

from local.servicebus.errors import ServiceBusError
from local.servicebus.tokens import check_token

NOW = 1_800_000_000.0
SAS = "SharedAccessSignature sr=sb%3a%2f%2flocalhost%2fq&sig=abc%3d&se={expiry}&skn=RootManageSharedAccessKey"


def jwt(claims: Any) -> str:
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{part}.c2ln"


@pytest.mark.parametrize("kind", ["servicebus.windows.net:sastoken", "jwt"])
def test_a_well_formed_token_that_has_not_expired_is_accepted(kind: str) -> None:
    """The client calls either form by either type."""
    for token in (SAS.format(expiry=int(NOW) + 60), jwt({"exp": NOW + 60})):
        assert check_token(kind, token, NOW) is None


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
        check_token(kind, token, NOW)
    assert (caught.value.condition, caught.value.status) == ("amqp:unauthorized-access", 401)


def test_the_real_clients_own_token_is_accepted() -> None:
    """The signature the SDK generates from a connection string has the expected form."""
    from azure.servicebus._base_handler import ServiceBusSharedKeyCredential

    token = ServiceBusSharedKeyCredential("RootManageSharedAccessKey", "secret").get_token("sb://localhost/q")
    assert check_token("jwt", token.token, time.time()) is None
