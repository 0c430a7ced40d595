"""Who made what is released: whose accounts are whose (`people.yml`), and what follows where that is not known."""

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from shared.contracts.config.circuits import ConfigModel, DisplayName

PEOPLE_MAX = 5_000
ACCOUNTS_MAX = 50

AccountName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x20\x7f<>\"]+( [^\x00-\x20\x7f<>\"]+)*$"),
    Field(description="name of an account, 1 to 200 characters, in any case"),
]
AccountNames = Annotated[tuple[AccountName, ...], Field(strict=False, max_length=ACCOUNTS_MAX)]


class Accounts(ConfigModel):
    """Names by which other systems know somebody; small and capital letters are the same."""

    entra_names: AccountNames = Field(default=(), description="user names of Entra, as Azure ML records them, up to 50")
    git_emails: AccountNames = Field(default=(), description="addresses that commits are written under, up to 50")
    github_logins: AccountNames = Field(default=(), description="logins of GitHub, up to 50")
    azure_devops_names: AccountNames = Field(default=(), description="unique names of Azure DevOps, up to 50")


class PersonConfig(Accounts):
    """A person of Entra, and whatever they are called elsewhere."""

    object_id: str = Field(
        pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
        description="object id in Entra, in small letters, for example 33333333-0000-4000-8000-000000000001",
    )
    name: DisplayName


class PeopleConfig(ConfigModel):
    """`config/people.yml`."""

    version: Literal[1] = Field(description="version of this format: 1")
    people: tuple[PersonConfig, ...] = Field(
        default=(), strict=False, max_length=PEOPLE_MAX, description=f"the people, up to {PEOPLE_MAX}"
    )
    machines: Accounts = Field(
        default_factory=Accounts, description="accounts of no person: what they do, nobody has done"
    )

    @model_validator(mode="after")
    def _each_account_once(self) -> Self:
        seen: set[tuple[str, str]] = set()
        for key in self._keys():
            if key in seen:
                kind, name = key
                raise PydanticCustomError("account_twice", "{kind} lists {name} twice", {"kind": kind, "name": name})
            seen.add(key)
        return self

    def _keys(self) -> Iterator[tuple[str, str]]:
        for each in (*self.people, self.machines):
            if isinstance(each, PersonConfig):
                yield "object_id", each.object_id
            for kind in Accounts.model_fields:
                yield from ((kind, name.casefold()) for name in getattr(each, kind))


class MakersPolicy(ConfigModel):
    """What a gate asks for when a maker of the candidate cannot be tied to a person."""

    unknown: Literal["two", "one", "refuse"] = Field(
        default="two",
        description="two: two different people at each gate; one: as many as its groups ask for; refuse: nobody can",
    )


FactName = Literal["author", "pull request", "metrics", "lineage", "in use"]
FACTS: tuple[FactName, ...] = ("author", "pull request", "metrics", "lineage", "in use")


class FactsPolicy(ConfigModel):
    """Facts that a decision has to rest on."""

    required: tuple[FactName, ...] = Field(
        default=FACTS,
        strict=False,
        max_length=len(FACTS),
        description="any of author, pull request, metrics, lineage, in use",
    )
    missing: Literal["reason", "refuse"] = Field(
        default="reason",
        description="reason: an approval names what is missing in its reason; refuse: nobody can approve",
    )
