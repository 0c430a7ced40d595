"""Service Bus errors with the AMQP conditions that the client maps to its exceptions.

Source: ``azure.servicebus`` 7.15, ``_transport/_pyamqp_transport.py`` (condition -> exception) and
``exceptions.py``. The descriptions are close to Azure's, not copies of them.
"""

from __future__ import annotations


class ServiceBusError(Exception):
    """A request the broker refuses: a ``condition``, a text, a status for request links."""

    def __init__(self, condition: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.condition = condition
        self.description = description
        self.status = status


def message_lock_lost() -> ServiceBusError:
    return ServiceBusError(
        "com.microsoft:message-lock-lost",
        "The lock supplied is invalid. Either the lock expired, or the message has already been removed "
        "from the queue.",
        410,
    )


def session_lock_lost(session_id: str | None) -> ServiceBusError:
    return ServiceBusError(
        "com.microsoft:session-lock-lost",
        f"The session lock of '{session_id}' has expired or is not held. Accept the session again.",
        410,
    )


def session_cannot_be_locked(session_id: str) -> ServiceBusError:
    return ServiceBusError(
        "com.microsoft:session-cannot-be-locked",
        f"The requested session '{session_id}' cannot be accepted. It is locked by another receiver.",
        409,
    )


def message_not_found(sequence: int) -> ServiceBusError:
    return ServiceBusError(
        "com.microsoft:message-not-found",
        f"No message with sequence number {sequence} is in the required state; it may be locked, settled "
        "or already enqueued.",
        404,
    )


def entity_not_found(name: str) -> ServiceBusError:
    return ServiceBusError("amqp:not-found", f"The messaging entity '{name}' could not be found.", 404)


def message_too_large(size: int, limit: int) -> ServiceBusError:
    return ServiceBusError(
        "amqp:link:message-size-exceeded",
        f"The received message (size:{size} bytes) exceeds the limit ({limit} bytes) currently allowed on the link.",
    )


def header_too_large(limit: int) -> ServiceBusError:
    return ServiceBusError(
        "amqp:link:message-size-exceeded",
        "A serialization error occurred while processing the message header stream. The size quota for this stream "
        f"({limit}) has been exceeded.",
    )


def property_too_large() -> ServiceBusError:
    """Azure does not say what is wrong either."""
    return ServiceBusError(
        "amqp:internal-error", "The service was unable to process the request; please retry the operation.", 500
    )


def not_allowed(description: str) -> ServiceBusError:
    return ServiceBusError("amqp:not-allowed", description, 400)


def unauthorized(description: str) -> ServiceBusError:
    return ServiceBusError("amqp:unauthorized-access", description, 401)


def argument_error(description: str) -> ServiceBusError:
    return ServiceBusError("com.microsoft:argument-error", description, 400)


def not_implemented(description: str) -> ServiceBusError:
    return ServiceBusError("amqp:not-implemented", description, 501)


def timed_out(description: str) -> ServiceBusError:
    return ServiceBusError("com.microsoft:timeout", description, 408)


def server_busy(description: str) -> ServiceBusError:
    return ServiceBusError("com.microsoft:server-busy", description, 503)
