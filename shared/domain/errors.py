"""Errors of the domain.

DomainError                 a request that the rules forbid; trying again with the same words does not help
├── NotEligible             this person may not do this                        (HTTP 403)
├── InvalidRequest          the request itself is incomplete or malformed      (HTTP 400)
└── Conflict                the release is not in a state that allows this     (HTTP 409)

TransitionBug is not a DomainError: it says that the code broke its own table.
"""


class DomainError(Exception):
    """A rule of the release core forbids what was asked. The message says what to do instead."""


class NotEligible(DomainError):
    """The person may not take this decision."""


class InvalidRequest(DomainError):
    """The request is missing something the rules need, such as the reason of a rejection."""


class Conflict(DomainError):
    """The release is not in a state in which this can be done."""


class TransitionBug(AssertionError):
    """A rule moved a release to a phase that the row of the event does not allow (invariant I6)."""
