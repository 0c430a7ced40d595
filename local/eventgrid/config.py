"""Topics, subscriptions and faults as JSON: the configuration file and the bodies of /control.

Names and defaults follow the Event Grid management API (eventSubscriptions, retryPolicy).
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from local.eventgrid.documents import Document
from local.eventgrid.filters import Filter
from local.eventgrid.names import custom_topic_id, system_topic_id
from local.redirect import is_loopback

FILE_SCHEME = "file:"


class Schema(StrEnum):
    EVENT_GRID = "EventGridSchema"
    CLOUD_EVENTS = "CloudEventSchemaV1_0"


class Topic(Document):
    name: str = Field(pattern=r"^[A-Za-z0-9-]{3,50}$")
    key: str = Field(default="local", min_length=1, repr=False)  # what a publisher sends as aeg-sas-key


class Subscription(Filter):
    """One subscription; exactly one of `topic` (a custom topic's name) and `system` (an ARM id or workspace).

    With a limit of one event per batch each event travels alone; a batch succeeds or fails as a whole.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9-]{3,64}$")
    topic: str | None = None
    system: str | None = None
    endpoint: str = Field(repr=False)  # an http URL on this machine, or file:<name> to append to a file
    event_delivery_schema: Schema = Schema.EVENT_GRID
    max_delivery_attempts: int = Field(default=30, ge=1, le=30)
    event_time_to_live_in_minutes: int = Field(default=1440, ge=1, le=1440)
    max_events_per_batch: int = Field(default=1, ge=1, le=5000)
    preferred_batch_size_in_kilobytes: int = Field(default=64, ge=1, le=1024)

    @field_validator("endpoint")
    @classmethod
    def _endpoint_is_local(cls, endpoint: str) -> str:
        if endpoint.startswith(FILE_SCHEME):
            name = endpoint.removeprefix(FILE_SCHEME)
            if not name or Path(name).name != name:
                raise ValueError("a file endpoint is 'file:' and a bare file name, which lands in --sink-dir")
            return endpoint
        parts = urlsplit(endpoint)
        if parts.scheme != "http" or not parts.hostname or not is_loopback(parts.hostname):
            raise ValueError("an endpoint of the local cloud is an http://127.0.0.1:... URL or 'file:<name>'")
        return endpoint

    @model_validator(mode="after")
    def _one_source(self) -> Subscription:
        if (self.topic is None) == (self.system is None):
            raise ValueError("give exactly one of 'topic' and 'system'")
        return self

    @property
    def topic_id(self) -> str:
        return custom_topic_id(self.topic) if self.topic else system_topic_id(self.system or "")

    @property
    def is_file(self) -> bool:
        return self.endpoint.startswith(FILE_SCHEME)

    @property
    def endpoint_base(self) -> str:
        """The endpoint without its query, which holds the key: fit for logs and answers."""
        return self.endpoint.split("?", 1)[0]


class Config(Document):
    topics: tuple[Topic, ...] = ()
    subscriptions: tuple[Subscription, ...] = ()


class Faults(Document):
    """What goes wrong between publisher and subscriber; all off unless asked for, and off again after a restart."""

    duplicate_pct: float = Field(default=0, ge=0, le=100)  # chance that an event is delivered once more
    drop_pct: float = Field(default=0, ge=0, le=100)  # chance that an accepted event is never delivered
    reorder_window_s: float = Field(default=0, ge=0, le=3600)  # events wait for a random part of it
    seed: int | None = None  # makes the random choices repeatable


def load_config(file: Path) -> Config:
    return Config.model_validate_json(file.read_bytes())
