"""What each answer of Azure ML means: who can change it, time, people or nobody."""

from dataclasses import dataclass, field
from http import HTTPStatus

import pytest
from azure.core.exceptions import AzureError, HttpResponseError, ServiceRequestError

from shared.adapters.azure_ml.errors import translated
from shared.application.errors import (
    PlatformBlocked,
    PlatformBusy,
    PlatformErrored,
    PlatformOutcomeUnknown,
    PlatformRefused,
    PlatformThrottled,
)

TIME, PEOPLE, NOBODY = PlatformBusy, PlatformBlocked, PlatformRefused

#: Status, code and words of an answer, and who can change it.
ANSWERS = [
    (401, "InvalidAuthenticationToken", "The access token is invalid.", PEOPLE),
    (401, "AuthenticationFailed", "Authentication failed.", PEOPLE),
    (403, "AuthorizationFailed", "The client does not have authorization to perform this action.", PEOPLE),
    (403, "LinkedAuthorizationFailed", "The client has no access to the linked scope.", PEOPLE),
    (403, "RequestDisallowedByPolicy", "The resource was disallowed by policy.", PEOPLE),
    (404, "ResourceNotFound", "The endpoint was not found.", PEOPLE),
    (404, "ResourceGroupNotFound", "Resource group 'mlops-rg' could not be found.", PEOPLE),
    (400, "OutOfQuota", "The subscription has 100 batchEndpoints in this region, which is the limit.", PEOPLE),
    (400, "QuotaExceeded", "Cores are used up. Raise the limit and try again.", PEOPLE),
    (409, "QuotaExceeded", "Total cores exceed the approved limit.", PEOPLE),
    (409, "OperationNotAllowed", "Operation could not be completed: it exceeds approved cores quota.", PEOPLE),
    (400, "OutOfCapacity", "The specified VM size cannot be provisioned.", PEOPLE),
    (409, "SkuNotAvailable", "The requested size is not available in this region.", PEOPLE),
    (409, "ScopeLocked", "The scope cannot perform write operation because it is locked.", PEOPLE),
    (409, "MissingSubscriptionRegistration", "The subscription is not registered.", PEOPLE),
    (409, "ReadOnlyDisabledSubscription", "The subscription is disabled and marked as read only.", PEOPLE),
    (400, "ComputeNotFound", "Compute with name cpu-cluster not found.", PEOPLE),
    (400, "UserError", "The specified compute cpu-cluster does not exist in the workspace.", PEOPLE),
    (409, "Conflict", "The endpoint is in Updating provisioning state.", TIME),
    (409, "Conflict", "Something else.", TIME),
    (400, "BadRequest", "Another operation on same entity is already running.", TIME),
    (425, "TooEarly", "Not yet.", TIME),
    (409, "Conflict", "The property is immutable.", NOBODY),
    (409, "Conflict", "A model version with this name already exists.", NOBODY),
    (400, "UserError", "The model is of a wrong type.", NOBODY),
    (400, "ValidationError", "The name has more than 32 characters.", NOBODY),
    (405, "MethodNotAllowed", "No.", NOBODY),
    (413, "RequestEntityTooLarge", "Too large.", NOBODY),
    (422, "Unprocessable", "The request is not understood.", NOBODY),
]


@dataclass
class Answer:
    """As much of a response as the client's errors look at."""

    status_code: int
    reason: str
    headers: dict[str, str] = field(default_factory=dict)


def said(status: int, code: str, message: str) -> HttpResponseError:
    return HttpResponseError(f"({code}) {message}", response=Answer(status, HTTPStatus(status).phrase))  # type: ignore[arg-type]


@pytest.mark.parametrize("sent", [False, True])
@pytest.mark.parametrize(("status", "code", "message", "kind"), ANSWERS)
def test_who_can_change_a_no(status: int, code: str, message: str, kind: type[Exception], sent: bool) -> None:
    """Whether it answered a read or a change: nothing was applied, and its words reach the reader."""
    error = translated(said(status, code, message), "deployment d could not be changed", sent=sent)

    assert type(error) is kind
    assert str(error) == f"deployment d could not be changed: ({code}) {message} (status {status})"


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
@pytest.mark.parametrize(("sent", "kind"), [(False, PlatformErrored), (True, PlatformOutcomeUnknown)])
def test_no_usable_answer_is_a_fault_or_unknown_once_the_change_was_sent(
    status: int, sent: bool, kind: type[Exception]
) -> None:
    """Also where its words sound like a missing right or quota: nobody said no."""
    error: AzureError = said(status, "InternalServerError", "quota service not found, try again")
    assert type(translated(error, "it", sent=sent)) is kind


def test_too_many_requests_are_about_pace_and_not_about_quota() -> None:
    """The same message comes back; nobody has to give anything."""
    assert (
        type(translated(said(429, "TooManyRequests", "The quota of requests is used up."), "it")) is PlatformThrottled
    )


def test_a_connection_that_failed_is_a_fault() -> None:
    """There was no answer at all."""
    assert type(translated(ServiceRequestError("connection refused"), "it")) is PlatformErrored
