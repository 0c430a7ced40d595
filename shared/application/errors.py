"""What can go wrong at a port. One question divides them: will trying again help?

PortError
├── TransientFault          store, bus or lock did not answer: the message comes back later
│   ├── ConcurrentUpdate    somebody else changed the release first: load and decide again
│   └── PlatformThrottled   Azure ML asks for patience: the same message comes back, and no attempt is spent
├── Unreadable              this version cannot read a stored record: nothing may act on it
├── PlatformErrored         Azure ML had a technical fault before anything was changed: a new attempt may help
│   └── PlatformBusy        not yet: other work stands before the request, which is asked again and spends no attempt
├── PlatformRefused         Azure ML said no: trying again cannot help
│   └── PlatformBlocked     until people give back what is missing: then it does
└── PlatformOutcomeUnknown  a change was sent and nobody knows whether it was applied: settle, never guess

NotFound is none of a port's: somebody asked for a thing by an id that nothing here has.
"""


class NotFound(LookupError):
    """There is no such thing. The message says how to find those that there are."""


class PortError(Exception):
    """The base of everything a port may raise on purpose; anything else is a bug.

    `tries_max` is how often a message that met it is tried again before its work is given up.
    """

    tries_max = 16


class Unreadable(PortError):
    """This version cannot read the stored record `record_id`, for the `reason`. Nothing may act on it.

    Asked for alone, a record is refused with it; a list goes on without the record, see `Listed`.
    """

    def __init__(self, record_id: str, reason: str) -> None:
        super().__init__(f"{record_id} is unreadable: {reason}")
        self.record_id = record_id
        self.reason = reason


class TransientFault(PortError):
    """The outside did not answer in time or asked for patience; nothing is known to be wrong with the request."""


class ConcurrentUpdate(TransientFault):
    """The release changed since it was loaded."""


class PlatformThrottled(TransientFault):
    """Azure ML takes no request of ours before `retry_after_s` seconds have passed; nothing was changed."""

    def __init__(self, text: str, *, retry_after_s: float) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


class PlatformErrored(PortError):
    """A technical fault of Azure ML; nothing was changed."""


class PlatformBusy(PlatformErrored):
    """The same thing is being shared, created or changed already, maybe by an earlier request of ours. Nothing is
    wrong, and nothing was changed by this request."""


class PlatformRefused(PortError):
    """Azure ML refuses this request; unless it is a PlatformBlocked, it always will."""


class PlatformBlocked(PlatformRefused):
    """Something is missing that people can give back: a right, quota, a cluster, an endpoint, a version."""


class PlatformOutcomeUnknown(PortError):
    """A request that changes something got no answer."""
