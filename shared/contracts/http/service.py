"""What crosses our HTTP border about the app itself, version 1."""

from typing import Literal

from pydantic import Field

from shared.contracts.base import Contract


class Alive(Contract):
    """Alive: the app was loaded and can be configured. It says nothing of the services behind it."""

    status: Literal["ok"] = "ok"


class AppVersion(Contract):
    """Which release of the app answers."""

    version: str = Field(description="The release number, such as 0.1.0.")
    python: str = Field(description="The version of Python it runs on, such as 3.11.9.")
