"""Values of the Azure ML client as plain ones: it mixes strings, enumerations and None for the same thing."""

from collections.abc import Mapping
from typing import Any


def word(value: Any) -> str:
    """The value of an enumeration, or the string itself; empty for None.

    `str()` would give an enumeration's own name instead of the service's word.
    """
    return str(getattr(value, "value", value) or "")


def number(value: Any, default: int) -> int:
    """An integer, or the default where the service said nothing."""
    return default if value is None else int(value)


def texts(values: Mapping[str, Any] | None) -> dict[str, str]:
    """Tags, properties or environment variables as plain strings."""
    return {str(name): "" if value is None else str(value) for name, value in (values or {}).items()}
