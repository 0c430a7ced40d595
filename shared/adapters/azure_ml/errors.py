"""What an error of the Azure ML client means for a release: settled here, so that nobody else sees the client's errors.

Texts and codes: docs/azure-facts.md#answers. Two questions matter. May a change have been applied? An answer of 4xx
says no, anything without an answer or with 5xx after the change was sent says that nobody knows. And what makes a 4xx
go away? Time (PlatformBusy), people (PlatformBlocked), or nothing (PlatformRefused).
"""

import re
from typing import Any

from azure.core.exceptions import AzureError, HttpResponseError

from shared.application.errors import (
    PlatformBlocked,
    PlatformBusy,
    PlatformErrored,
    PlatformOutcomeUnknown,
    PlatformRefused,
    PlatformThrottled,
    TransientFault,
)

TEXT_CHARS_MAX = 500

_BUSY = re.compile(r"provisioning state|already running|in progress|another operation|try again|is updating", re.I)
"""How the service says that something else is happening to the same endpoint; the status is 400 or 409."""

_GIVEN_BY_PEOPLE = (401, 402, 403, 404)
"""Who we are, what we may do, and what is there: rights, endpoints, clusters, assets."""

_LACKING = re.compile(
    r"quota|out ?of ?capacity|SkuNotAvailable|ScopeLocked|MissingSubscriptionRegistration|"
    r"SubscriptionNot(Registered|Found)|(ReadOnly)?DisabledSubscription",
    re.I,
)
"""Codes of 400 and 409 for what an administrator can give: quota, capacity, an end of a lock, the subscription."""

_MISSING = re.compile(r"not ?found|does not exist|doesn't exist|could not be found|no such", re.I)
"""How a 400 says that something named in the request is not there: a compute cluster, an asset."""

_FOR_GOOD = re.compile(r"immutable|cannot be (updated|changed|modified)|already exists", re.I)
_PATIENCE = (408, 425)
THROTTLED = 429
_LAYERS_MAX = 10
PATIENCE_DEFAULT_S = 10.0
"""Where a 429 does not say how long to wait."""


def status_of(error: AzureError | None) -> int | None:
    """The HTTP status that refused a request; None when there was no such answer."""
    status = error.status_code if isinstance(error, HttpResponseError) else None
    return status if status and status >= 400 else None


def translated(
    error: AzureError, what: str, *, sent: bool = False
) -> TransientFault | PlatformErrored | PlatformRefused | PlatformOutcomeUnknown:
    """The port's error for one of the client's. `sent` is true when a change may have reached the service."""
    status = status_of(error)
    text = f"{what}: {_one_line(error)}"
    if status == THROTTLED and isinstance(error, HttpResponseError):
        return PlatformThrottled(text, retry_after_s=retry_after_s(error.response))
    if own := _own(error):
        return own
    if status is None and (inner := _wrapped(error)):
        return translated(inner, what, sent=sent)
    if status is None:
        if _is_client_side_refusal(error):
            return PlatformRefused(text)
        return _unanswered(text, sent)
    if status >= 500 or status == 408:
        return _unanswered(f"{text} (status {status})", sent)
    return _said_no(status, str(error))(f"{text} (status {status})")


def _said_no(status: int, message: str) -> type[PlatformBusy | PlatformBlocked | PlatformRefused]:
    """Who can change a 4xx: time, people, or nobody."""
    if status in _GIVEN_BY_PEOPLE or _LACKING.search(message):
        return PlatformBlocked
    if status in _PATIENCE or _BUSY.search(message):
        return PlatformBusy
    if _FOR_GOOD.search(message):
        return PlatformRefused
    if status == 409:
        return PlatformBusy
    return PlatformBlocked if _MISSING.search(message) else PlatformRefused


def retry_after_s(response: Any) -> float:
    """How long an answer asks to wait, in seconds; a date is not understood, Azure Resource Manager sends none."""
    text = response.headers.get("Retry-After", "") if response is not None else ""
    return float(text) if re.fullmatch(r"\d{1,6}(\.\d+)?", text) else PATIENCE_DEFAULT_S


def is_already_there(error: AzureError) -> bool:
    """True when sharing failed because the registry has that version: checked by the client, or by the service."""
    return status_of(error) == 409 or "already exists in registry" in str(error)


def _unanswered(text: str, sent: bool) -> PlatformErrored | PlatformOutcomeUnknown:
    return PlatformOutcomeUnknown(f"{text}; it may have been applied") if sent else PlatformErrored(text)


def _own(error: BaseException) -> TransientFault | None:
    """Our own reason for not sending a request (`pace.py`), where the client put errors of its own around it."""
    for _ in range(_LAYERS_MAX):
        inner = error.__cause__ or error.__context__
        if inner is None or isinstance(inner, TransientFault):
            return inner
        error = inner
    return None


def _wrapped(error: AzureError) -> AzureError | None:
    """What the service or the network did, where the client raised an error of its own about it."""
    for inner in (error.__cause__, error.__context__):
        if isinstance(inner, AzureError):
            return inner
    return None


def _is_client_side_refusal(error: AzureError) -> bool:
    """True when the client itself found the request wrong.

    Its plain MlException also stands for answers that are not JSON and for lost connections, so only the subclasses
    count; they are told apart by name, because importing them loads the whole client.
    """
    names = [each.__name__ for each in type(error).__mro__]
    return "MlException" in names[1:]


def _one_line(error: AzureError) -> str:
    text = " ".join((error.message or type(error).__name__).split())
    return text if len(text) <= TEXT_CHARS_MAX else text[: TEXT_CHARS_MAX - 1] + "…"
