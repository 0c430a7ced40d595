"""Who may score: keys, tokens of the endpoint, or tokens of Entra ID, as the endpoint's `authMode` says.

Keys are kept beside the endpoint and never shown in it ("listKeys" returns them). A token of an endpoint is for that
endpoint only and ends after an hour by the server's clock; Microsoft documents that it expires, not when.
"""

from __future__ import annotations

import hmac
import secrets

import jwt
from starlette.responses import JSONResponse, Response

from local.azureml.service.call import Call
from local.azureml.service.clock import CLOCK
from local.azureml.service.errors import ArmError, invalid
from local.azureml.service.operations import Finisher, Operation
from local.azureml.service.store import Document, Store

_TOKEN_LIFETIME_S, _REFRESH_AFTER_S = 3600, 1800
_PLACE = "/keys/current"  # below the endpoint, so that it goes with it
KEY, AML_TOKEN, AAD_TOKEN = "Key", "AMLToken", "AADToken"


def create_keys(store: Store, endpoint: str, wanted: Document) -> None:
    """Store the keys of a new endpoint: those that were sent, or new ones; part of the caller's transaction."""
    keys = {name: str(wanted.get(name) or secrets.token_urlsafe(32)) for name in ("primaryKey", "secondaryKey")}
    store.put(endpoint + _PLACE, {**keys, "tokenKey": secrets.token_urlsafe(32)})


def list_keys(store: Store, endpoint: Document) -> Response:
    _require(endpoint, KEY)
    keys = _keys(store, endpoint["id"])
    return JSONResponse({name: keys[name] for name in ("primaryKey", "secondaryKey")})


def start_regeneration(call: Call, endpoint: Document) -> Response:
    """Start to replace one key, by the value that was sent if it is another one."""
    _require(endpoint, KEY)
    kind = str(call.body.get("keyType", ""))
    if kind not in ("Primary", "Secondary"):
        raise invalid(f"keyType must be Primary or Secondary, not {kind!r}.")
    place = kind.lower() + "Key"
    value = call.body.get("keyValue")
    with call.service.store.transaction():
        if not value or value == _keys(call.service.store, endpoint["id"])[place]:
            value = secrets.token_urlsafe(32)
        operation = call.start(
            "online-endpoint.keys",
            target=endpoint["id"],
            entity=endpoint["id"],
            arguments={"place": place, "value": value},
        )
    return call.accept(operation)


def regeneration_finisher(store: Store) -> Finisher:
    async def work(_: Operation) -> None:
        return None

    def commit(operation: Operation, error: Document | None) -> None:
        if not error:
            changed = {operation.arguments["place"]: operation.arguments["value"]}
            store.put(operation.target + _PLACE, {**_keys(store, operation.target), **changed})

    return Finisher(work=work, commit=commit)


def issue_token(store: Store, endpoint: Document) -> Response:
    _require(endpoint, AML_TOKEN)
    now = int(CLOCK.time())
    expires = now + _TOKEN_LIFETIME_S
    token = jwt.encode({"sub": endpoint["id"], "exp": expires}, _keys(store, endpoint["id"])["tokenKey"])
    answer = {"accessToken": token, "expiryTimeUtc": expires, "refreshAfterTimeUtc": now + _REFRESH_AFTER_S}
    return JSONResponse({**answer, "tokenType": "Bearer"})


async def authorize(call: Call, endpoint: Document) -> None:
    """Raises `ArmError` 401 unless the request may score at this endpoint."""
    header = call.request.headers.get("authorization", "")
    mode = endpoint["properties"]["authMode"]
    if mode == AAD_TOKEN:
        await call.service.authenticator.caller(header)
        return
    keys = _keys(call.service.store, endpoint["id"])
    sent = header.removeprefix("Bearer ").strip().encode()
    if mode == KEY:
        matches = [hmac.compare_digest(sent, keys[name].encode()) for name in ("primaryKey", "secondaryKey")]
    else:
        matches = [_is_token(sent, keys["tokenKey"])]
    if not any(matches):
        raise ArmError(401, "Unauthorized", "The key or token is missing, wrong or expired.")


def _is_token(sent: bytes, key: str) -> bool:
    try:
        claims = jwt.decode(sent, key, algorithms=["HS256"], options={"verify_exp": False, "verify_sub": False})
    except jwt.PyJWTError:
        return False
    return float(claims["exp"]) > CLOCK.time()


def _require(endpoint: Document, mode: str) -> None:
    actual = endpoint["properties"]["authMode"]
    if actual != mode:
        raise invalid(f"Endpoint {endpoint['name']} has the authentication mode {actual}, not {mode}.")


def _keys(store: Store, endpoint: str) -> Document:
    keys = store.get(endpoint + _PLACE)
    if keys is None:
        raise RuntimeError(f"{endpoint} has no keys.")
    return keys
