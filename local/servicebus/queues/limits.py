"""What a message may measure, whatever its queue says.

Source: Azure Service Bus, "Service Bus quotas" (2025-05): 32 KB for one property, 64 KB for all of them with what the
broker adds, 128 characters for a message's and a session's id. How Azure refuses them is printed in
rebus-org/Rebus.AzureServiceBus#35 and in Particular/NServiceBus.Transport.AzureServiceBus#171.
"""

from __future__ import annotations

from local.servicebus import errors
from local.servicebus.codec import sections as sec
from local.servicebus.codec.decoder import Buffer
from local.servicebus.queues.message import Incoming

HEADER_BYTES_MAX = 64 * 1024
PROPERTY_BYTES_MAX = 32 * 1024
ID_CHARS_MAX = 128


def check(raw: Buffer, incoming: Incoming) -> None:
    """Raises ServiceBusError if `raw`, which reads as `incoming`, is beyond what Azure takes."""
    for what, text in (("message", incoming.message_id), ("session", incoming.session_id)):
        if text is not None and len(text) > ID_CHARS_MAX:
            raise errors.argument_error(
                f"The {what} id has {len(text)} characters, at most {ID_CHARS_MAX} are allowed."
            )
    headers = [section for section in sec.split_sections(raw) if section.code <= sec.APPLICATION_PROPERTIES]
    if sum(section.end - section.start for section in headers) > HEADER_BYTES_MAX:
        raise errors.header_too_large(HEADER_BYTES_MAX)
    for section in headers:
        if section.code != sec.APPLICATION_PROPERTIES:
            continue
        if any(len(entry.raw) > PROPERTY_BYTES_MAX for entry in sec.map_entries(raw, section.value)):
            raise errors.property_too_large()
