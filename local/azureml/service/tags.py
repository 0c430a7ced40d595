"""What tags may be, in whatever request they come.

Endpoints and deployments have tags of Azure Resource Manager, with its limits ("Use tags to organize your Azure
resources"). All tags are texts by the description of the interface (`additionalProperties: string`); what the service
makes of a number is not known, so it is refused here.
"""

from __future__ import annotations

from typing import Any

from local.azureml.service.errors import invalid
from local.azureml.service.store import Document

TAGS_MAX = 50
NAME_CHARS_MAX = 512
VALUE_CHARS_MAX = 256

_OF_RESOURCES = ("endpoint.", "deployment.", "online-endpoint.", "online-deployment.")
_FORBIDDEN = set("<>%&\\?/")


def check_tags(operation: str, body: Document) -> None:
    """Raises `ArmError` 400 for tags in the body of an operation that Azure would refuse; names the first one."""
    properties = body.get("properties")
    for tags in (body.get("tags"), properties.get("tags") if isinstance(properties, dict) else None):
        if tags is not None:
            _check_texts(tags)
    if operation.startswith(_OF_RESOURCES):
        _check_limits(body.get("tags") or {})


def _check_texts(tags: Any) -> None:
    if not isinstance(tags, dict):
        raise invalid("tags must be an object of texts.")
    for name, value in tags.items():
        if value is not None and not isinstance(value, str):
            raise invalid(f"The value of tag {name!r} is {value!r}: the values of tags are texts.")


def _check_limits(tags: dict[str, str | None]) -> None:
    if len(tags) > TAGS_MAX:
        raise invalid(f"A resource has at most {TAGS_MAX} tags, not {len(tags)}.")
    for name, value in tags.items():
        if not 0 < len(name) <= NAME_CHARS_MAX or _FORBIDDEN & set(name):
            raise invalid(
                f"The tag name {name[:80]!r} is empty, too long, or has one of {''.join(sorted(_FORBIDDEN))}."
            )
        if value and len(value) > VALUE_CHARS_MAX:
            raise invalid(f"The value of tag {name!r} has {len(value)} characters, at most {VALUE_CHARS_MAX} fit.")
