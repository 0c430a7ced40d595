"""What follows from one delivery attempt: done, try again later, or dead. Pure.

Source: "Event Grid message delivery and retry". The schedule is best effort there and jittered by up to a tenth here.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from local.eventgrid.config import Subscription
from local.eventgrid.store import Attempt, Delivery

RETRY_DELAYS_S = (10, 30, 60, 300, 600, 1800, 3600, 10800, 21600, 43200)  # then every 12 h
LEAST_DELAY_S = {HTTPStatus.REQUEST_TIMEOUT: 120, HTTPStatus.SERVICE_UNAVAILABLE: 30}
JITTER = 0.1

DELIVERED = range(200, 205)
NEVER_RETRIED = frozenset({400, 401, 403, 413})

ATTEMPTS_EXCEEDED = "MaxDeliveryAttemptsExceeded"
TIME_TO_LIVE_EXCEEDED = "TimeToLiveExceeded"


@dataclass(frozen=True)
class Delivered:
    pass


@dataclass(frozen=True)
class Retry:
    delay_s: float


@dataclass(frozen=True)
class Dead:
    reason: str


Verdict = Delivered | Retry | Dead


def judge(attempt: Attempt, *, made: int, spec: Subscription, scale: float, jitter: float) -> Verdict:
    """`made` counts attempts, this one included; `scale` shortens all waiting; `jitter` is between 0 and 1."""
    if attempt.status in DELIVERED:
        return Delivered()
    if attempt.status in NEVER_RETRIED:
        return Dead(f"UndeliverableDueToHttp{attempt.outcome}")
    if made >= spec.max_delivery_attempts:
        return Dead(ATTEMPTS_EXCEEDED)
    delay_s = RETRY_DELAYS_S[min(made, len(RETRY_DELAYS_S)) - 1]
    if attempt.status is not None:
        delay_s = max(delay_s, LEAST_DELAY_S.get(HTTPStatus(attempt.status), 0))
    return Retry(delay_s * scale * (1 + JITTER * jitter))


def expired(delivery: Delivery, spec: Subscription, *, now: float, scale: float) -> bool:
    """Whether the event is too old for another attempt; the first attempt is always made."""
    lifetime_s = spec.event_time_to_live_in_minutes * 60 * scale
    return delivery.attempts > 0 and now - delivery.published_at > lifetime_s
