"""Types of app settings that hold addresses and secrets: what goes there is encrypted, or stays on this machine."""

import json
from base64 import b64decode
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, HttpUrl, SecretStr
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def travels_safely(address: str) -> bool:
    """A credential sent there is encrypted, or stays on this machine; none stands in the address itself."""
    parts = urlsplit(address)
    is_encrypted = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    return is_encrypted and bool(parts.hostname) and parts.username is None and parts.password is None


def _secure(address: HttpUrl) -> HttpUrl:
    if not travels_safely(str(address)):
        raise PydanticCustomError("in_clear", "what the app sends there must not travel in clear: no https address")
    return address


def _secure_connection(connection: SecretStr) -> SecretStr:
    """Of Storage and of Service Bus; either can be told to do without TLS, as the emulators do."""
    pairs = (each.partition("=") for each in connection.get_secret_value().split(";"))
    said = {name.strip().lower(): value.strip() for name, _, value in pairs}
    endpoints = {name: value for name, value in said.items() if name.endswith("endpoint")}
    is_clear = any(urlsplit(each).scheme == "http" and not travels_safely(each) for each in endpoints.values())
    if said.get("defaultendpointsprotocol", "").lower() == "http":  # for each service without an endpoint of its own
        is_clear |= not {"blobendpoint", "tableendpoint"} <= set(endpoints)
    if said.get("usedevelopmentemulator", "").lower() == "true":
        is_clear |= urlsplit(said.get("endpoint", "")).hostname not in _LOOPBACK
    if is_clear:
        raise PydanticCustomError("in_clear", "what the app sends there must not travel in clear: it does without TLS")
    return connection


SecureUrl = Annotated[HttpUrl, AfterValidator(_secure)]
"""An address that the app sends a credential or a secret to; every address of the settings is one."""

Connection = Annotated[SecretStr, AfterValidator(_secure_connection)]


def _secret_address(address: SecretStr) -> SecretStr:
    if not travels_safely(address.get_secret_value()):
        raise PydanticCustomError("in_clear", "what the app sends there must not travel in clear: no https address")
    return address


def _from_json(value: Any) -> Any:
    """A setting that is JSON and a secret as a whole, as a key vault keeps it."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        raise PydanticCustomError("json", "it is not valid JSON") from None


def _base64_secret(secret: SecretStr) -> SecretStr:
    try:
        key = b64decode(secret.get_secret_value().removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if len(key) < 24:
        raise PydanticCustomError("webhook_secret", "no whsec_ and at least 24 bytes in Base64")
    return secret


SecretUrl = Annotated[SecretStr, AfterValidator(_secret_address)]
"""An address that is a secret itself, because whoever has it may post there."""


class SignedWebhook(BaseModel):
    """Where a webhook is, and the secret that its posts are signed with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: SecretUrl
    secret: Annotated[SecretStr, AfterValidator(_base64_secret)]


TeamsWebhooks = Annotated[dict[str, SecretUrl], NoDecode, BeforeValidator(_from_json)]
Webhooks = Annotated[dict[str, SignedWebhook], NoDecode, BeforeValidator(_from_json)]
