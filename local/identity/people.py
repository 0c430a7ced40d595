"""The demo people, their groups and the app's managed identity, read from people.json.

Names are roles, so that nobody mistakes them for staff. `trainer` registers models and is in ML-Engineers
too: the person behind a candidate must not be able to approve it, whatever groups they are in.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from uuid import UUID

from pydantic import BaseModel, ConfigDict

BOARD_CLIENT_ID = "55555555-0000-4000-8000-000000000002"
"""What the board signs people in with; in Azure the id of its registration."""

PEOPLE_FILE = Path(__file__).with_name("people.json")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Person(_Strict):
    oid: UUID
    name: str
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()


class ManagedIdentity(_Strict):
    oid: UUID
    client_id: UUID
    name: str


class Service(_Strict):
    """An application that calls others as itself, and the app roles it has in the API."""

    oid: UUID
    client_id: UUID
    name: str
    roles: tuple[str, ...] = ()


class Directory(_Strict):
    tenant: UUID
    groups: dict[str, UUID]
    people: dict[str, Person]
    managed_identity: ManagedIdentity
    services: dict[str, Service] = {}

    def group_ids(self, names: tuple[str, ...] | list[str]) -> list[str]:
        """Object ids of groups; a value that names no group here is taken for an id itself."""
        return [str(self.groups.get(name, name)) for name in names]


def user_name(person: str) -> str:
    """What Entra would call one of the people."""
    return f"{person}@switchyard.example"


@cache
def load_directory() -> Directory:
    return Directory.model_validate_json(PEOPLE_FILE.read_bytes())
