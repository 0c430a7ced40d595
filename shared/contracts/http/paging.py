"""Where the next page of a list begins, as the API says it: opaque, so that nobody builds on what is inside."""

import base64
import binascii

from shared.domain.errors import InvalidRequest

LISTED_DEFAULT = 50
LISTED_MAX = 200
TOKEN_CHARS_MAX = 1000
_FAULT = "after is none that this list gave: take it from `next` of the page before, or begin again without it"


def token_of(name: str, after: str) -> str | None:
    """The token of a place in the list of this name; None where there is no next page."""
    return base64.urlsafe_b64encode(f"{name}:{after}".encode()).decode().rstrip("=") if after else None


def place_of(name: str, token: str) -> str:
    """The place that `token_of` wrote, for the same list. Raises InvalidRequest."""
    if not token:
        return ""
    try:
        if len(token) > TOKEN_CHARS_MAX:
            raise InvalidRequest(_FAULT)
        text = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (ValueError, binascii.Error) as error:
        raise InvalidRequest(_FAULT) from error
    of, colon, place = text.partition(":")
    if of != name or not colon or not place.isprintable():
        raise InvalidRequest(_FAULT)
    return place
