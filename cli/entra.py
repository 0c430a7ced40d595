"""Tokens of Microsoft Entra ID for whoever signed in, through MSAL: by a code that a person types in a browser."""

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import httpx

from cli.api import LOOPBACK, ApiError, ApiUnavailableError
from cli.kept import Keeper, Kept
from cli.typed import COMMAND

if TYPE_CHECKING:
    import msal

RENEWED_BEFORE_S = 300
"""A token that ends sooner than this is renewed."""

_ANSWER_S = 30.0

Answer = TypeVar("Answer")


def signed_in(url: str, keeper: Keeper) -> Callable[[], str]:
    """A function that gives a token for the app, renewed as long as Entra lets the sign-in go on.

    Raises ApiError at once where nobody has signed in. The function raises it once the sign-in has ended.
    """
    if keeper.at(url) is None:
        raise ApiError(f"nobody has signed in at {url}: {COMMAND} login, or set SWITCHYARD_TOKEN, or give --token-file")
    memory: dict[str, Any] = {}

    def token() -> str:
        if memory.get("until", 0.0) < time.time() + RENEWED_BEFORE_S:
            memory["token"], memory["until"] = _current(url, keeper)
        return str(memory["token"])

    return token


def sign_in(url: str, kept: Kept, keeper: Keeper, tell: Callable[[str], None]) -> dict[str, Any]:
    """Tells the person what to do, waits until it is done, and keeps the tokens; the claims of who signed in.

    Raises ApiError when it was declined, was not done in time, or cannot be done.
    """
    cache = _cache(kept)
    application = _application(kept, cache)
    flow = _asked(lambda: application.initiate_device_flow(scopes=_scopes(kept)))
    if "user_code" not in flow:
        raise ApiError(f"a sign-in cannot be begun: {_why(flow)}")
    tell(str(flow["message"]))
    result = _asked(lambda: application.acquire_token_by_device_flow(flow))
    if "access_token" not in result:
        raise ApiError(f"nobody was signed in: {_why(result)}")
    keeper.keep(url, kept.model_copy(update={"cache": cache.serialize()}))
    claims: dict[str, Any] = result.get("id_token_claims") or {}
    return claims


def _current(url: str, keeper: Keeper) -> tuple[str, float]:
    """A token and when it ends, in seconds since 1970: the one that is kept, or a new one, which is kept then."""
    for _ in range(2):  # another command may have renewed it at the same time, and have used up the refresh token
        kept = keeper.at(url)
        if kept is None:
            break
        cache = _cache(kept)
        if found := _valid(kept, cache):
            return found
        application = _application(kept, cache)
        for account in _asked(application.get_accounts):
            _asked(partial(application.acquire_token_silent, _scopes(kept), account=account))
        if found := _valid(kept, cache):
            keeper.keep(url, kept.model_copy(update={"cache": cache.serialize()}))
            return found
    raise ApiError(f"your sign-in at {url} has ended: {COMMAND} login")


def _valid(kept: Kept, cache: "msal.SerializableTokenCache") -> tuple[str, float] | None:
    """From the cache alone: without a request to Entra, which MSAL makes whenever it is set up."""
    wanted = {"client_id": kept.client_id}
    found = cache.search(cache.CredentialType.ACCESS_TOKEN, target=_scopes(kept), query=wanted)
    for entry in found:
        until = float(entry["expires_on"])
        if until > time.time() + RENEWED_BEFORE_S:
            return str(entry["secret"]), until
    return None


def _cache(kept: Kept) -> "msal.SerializableTokenCache":
    import msal  # takes a quarter of a second, which commands that have a token already are spared

    cache = msal.SerializableTokenCache()
    if kept.cache:
        cache.deserialize(kept.cache)
    return cache


def _application(kept: Kept, cache: "msal.SerializableTokenCache") -> "msal.PublicClientApplication":
    import msal

    authority = kept.authority.removesuffix("/v2.0")
    parts = urlsplit(authority)
    options: dict[str, Any] = {"client_id": kept.client_id, "token_cache": cache}
    if parts.scheme == "http" and parts.hostname in LOOPBACK:
        local = {"http_client": PlainLoopback(), "instance_discovery": False}
        authority, options = authority.replace("http:", "https:", 1), {**options, **local}
    return _asked(lambda: msal.PublicClientApplication(authority=authority, **options))


class PlainLoopback:
    """MSAL's HTTP client for a local cloud. MSAL asks over https only; on the loopback interface there is nobody to
    hide from and no certificate. This sends the request on in plain and says so, as a proxy does that ends TLS."""

    def __init__(self) -> None:
        self._client = httpx.Client(
            headers={"X-Forwarded-Proto": "https"},
            timeout=_ANSWER_S,
            trust_env=False,
            verify=False,  # nosec B501
        )

    def get(self, url: str, **options: Any) -> httpx.Response:
        """As `requests` has it."""
        return self._client.get(_plain(url), **options)

    def post(self, url: str, **options: Any) -> httpx.Response:
        """As `requests` has it."""
        return self._client.post(_plain(url), **options)

    def close(self) -> None:
        """Nothing is sent afterwards."""
        self._client.close()


def _plain(url: str) -> str:
    if urlsplit(url).hostname not in LOOPBACK:
        raise ApiError(f"{url} is not on this machine, and would be asked without TLS")
    return url.replace("https:", "http:", 1)


def _scopes(kept: Kept) -> list[str]:
    """Those of the API; MSAL asks for the others itself, and refuses to be told."""
    return [each for each in kept.scope.split() if "/" in each]


def _why(answer: dict[str, Any]) -> str:
    said = str(answer.get("error_description") or answer.get("error") or "Entra did not say why")
    return said.splitlines()[0]


def _asked(ask: Callable[[], Answer]) -> Answer:
    """What is asked of Entra. Its client raises the errors of `requests`, which are OSErrors, and ValueError."""
    try:
        return ask()
    except (OSError, httpx.TransportError) as error:
        raise ApiUnavailableError(f"Microsoft Entra ID does not answer ({error}): check the network") from error
    except ValueError as error:
        raise ApiError(f"Microsoft Entra ID cannot be asked: {error}") from error
