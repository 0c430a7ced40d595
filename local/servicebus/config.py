"""The queues a broker serves, read from JSON with Azure's own property names.

Source of names, defaults and limits: Azure Resource Manager, ``Microsoft.ServiceBus/namespaces/queues``
(2024-01-01). Lower limits are relaxed (a lock of one second makes a test quick); upper limits are Azure's. A message
may have 256 KB, as in the Standard tier of ``infra/modules/service_bus.bicep``; only in Premium a queue says otherwise.
"""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator
from pydantic.alias_generators import to_camel

DEFAULT_CONFIG = Path(__file__).with_name("queues.json")

_DURATION = re.compile(
    r"P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,258}[A-Za-z0-9]|[A-Za-z0-9]")


class ConfigError(Exception):
    """The configuration cannot be used; the text says where and why."""


def parse_duration(value: Any) -> timedelta:
    """An ISO 8601 duration such as PT1M or P14D. Raises ValueError."""
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None or value.endswith(("P", "T")):
        raise ValueError(f"must be an ISO 8601 duration such as PT1M or P14D, not {value!r}")
    return timedelta(**{unit: float(amount) for unit, amount in match.groupdict().items() if amount})


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]


class QueueConfig(BaseModel):
    """One queue. Durations are ISO 8601 in the file."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, strict=True)

    name: str
    requires_session: bool = False
    requires_duplicate_detection: bool = False
    duplicate_detection_history_time_window: Duration = Field(
        timedelta(minutes=10), gt=timedelta(0), le=timedelta(days=7)
    )
    lock_duration: Duration = Field(timedelta(minutes=1), gt=timedelta(0), le=timedelta(minutes=5))
    max_delivery_count: int = Field(10, ge=1, le=2000)
    default_message_time_to_live: Duration | None = Field(None, gt=timedelta(0))
    dead_lettering_on_message_expiration: bool = False
    max_message_size_in_kilobytes: int = Field(256, ge=1, le=102_400)

    @field_validator("name")
    @classmethod
    def _name_is_valid(cls, value: str) -> str:
        if not _NAME.fullmatch(value):
            raise ValueError("must be 1-260 letters, digits and . _ / -, starting and ending alphanumeric")
        return value

    @property
    def lock_s(self) -> float:
        return self.lock_duration.total_seconds()

    @property
    def duplicate_window_s(self) -> float:
        return self.duplicate_detection_history_time_window.total_seconds()

    @property
    def default_ttl_s(self) -> float | None:
        ttl = self.default_message_time_to_live
        return None if ttl is None else ttl.total_seconds()

    @property
    def max_message_bytes(self) -> int:
        return self.max_message_size_in_kilobytes * 1024


class NamespaceConfig(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    queues: tuple[QueueConfig, ...] = Field(min_length=1, strict=False)

    @field_validator("queues")
    @classmethod
    def _names_are_unique(cls, value: tuple[QueueConfig, ...]) -> tuple[QueueConfig, ...]:
        seen: set[str] = set()
        for queue in value:
            if queue.name.lower() in seen:
                raise ValueError(f"the queue name {queue.name!r} is used twice (names ignore case)")
            seen.add(queue.name.lower())
        return value


def parse_config(text: str, origin: str) -> NamespaceConfig:
    """The configuration in ``text``. Raises ConfigError that names ``origin`` and every wrong property."""
    try:
        return NamespaceConfig.model_validate(json.loads(text))
    except json.JSONDecodeError as error:
        raise ConfigError(f"{origin} is not JSON: {error}") from error
    except ValidationError as error:
        faults = "; ".join(_describe(fault["loc"], fault["msg"]) for fault in error.errors())
        raise ConfigError(f"{origin}: {faults}") from error


def load_config(path: Path) -> NamespaceConfig:
    """Read and check a configuration file. Raises ConfigError."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read the queue definitions: {error}") from error
    return parse_config(text, str(path))


def _describe(location: tuple[int | str, ...], message: str) -> str:
    where = ""
    for part in location:
        where += f"[{part}]" if isinstance(part, int) else f".{part}"
    what = "is not a property this broker knows" if message.startswith("Extra inputs") else message
    return f"{where.removeprefix('.') or 'top level'}: {what.removeprefix('Value error, ')}"
