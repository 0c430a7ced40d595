"""Who made something: accounts that had a part in it, and the people of Entra they belong to.

An account is *proven* where a service says who signed in to it (a verified token, a signed webhook, Azure ML's own
record). Everything else is a claim, such as the author of a commit, which whoever commits may write. A claim never
stands for the proof that is missing: it can only bring in one more person who may not decide.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

MAKERS_MAX = 50
"""More than these of one candidate are counted, and not named."""

_PRIVATE_ADDRESS = re.compile(r"(?:[0-9]+\+)?(?P<login>[a-z0-9-]+)@users\.noreply\.github\.com")


class AccountKind(StrEnum):
    """What kind of name it is. UNNAMED says in words who is meant and not known; it belongs to nobody."""

    ENTRA = "entra"  # an object id
    ENTRA_NAME = "entra_name"  # a user name, as Azure ML records it
    GIT_EMAIL = "git_email"
    GITHUB_LOGIN = "github_login"
    AZURE_DEVOPS_NAME = "azure_devops_name"
    TAG = "tag"  # a name in a tag: of whichever kind
    UNNAMED = "unnamed"


_TOLD = {
    AccountKind.ENTRA: "the person {}",
    AccountKind.ENTRA_NAME: "{} as Azure ML records it",
    AccountKind.GIT_EMAIL: "the commit address {}",
    AccountKind.GITHUB_LOGIN: "{} of GitHub",
    AccountKind.AZURE_DEVOPS_NAME: "{} of Azure DevOps",
    AccountKind.TAG: "{} in a tag",
    AccountKind.UNNAMED: "{}",
}


#: As what else a name may be known. Azure DevOps writes user names of Entra. An object id that Azure ML has for a name
#: may be that of an application: only one that the file lists is a person's.
_ALSO = {
    AccountKind.ENTRA_NAME: (AccountKind.ENTRA,),
    AccountKind.AZURE_DEVOPS_NAME: (AccountKind.ENTRA_NAME,),
    AccountKind.TAG: (
        AccountKind.ENTRA,
        AccountKind.ENTRA_NAME,
        AccountKind.GIT_EMAIL,
        AccountKind.GITHUB_LOGIN,
        AccountKind.AZURE_DEVOPS_NAME,
    ),
}

_OF_NOBODY = frozenset({(AccountKind.GIT_EMAIL, "noreply@github.com")})
"""GitHub itself is the committer of what is merged on its pages."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """One that had a part in making something; `proven` says that a service vouches for it."""

    kind: AccountKind
    name: str
    proven: bool = False

    def __str__(self) -> str:
        text = _TOLD[self.kind].format(self.name)
        return text if self.proven or self.kind is AccountKind.UNNAMED else f"{text} (a claim)"


def named_in(tags: Mapping[str, str], *names: str, but_not: Iterable[str] = ()) -> tuple[Account, ...]:
    """Whom these tags name, other than `but_not`: claims of whoever wrote the tags."""
    named = dict.fromkeys(tags.get(name, "").strip() for name in names)
    known = {"", *(each.casefold() for each in but_not)}
    return tuple(Account(kind=AccountKind.TAG, name=name) for name in named if name.casefold() not in known)


def unnamed(text: str) -> Account:
    """Somebody who had a part in it, and whom nothing names."""
    return Account(kind=AccountKind.UNNAMED, name=text)


@dataclass(frozen=True, kw_only=True)
class EntraPerson:
    """A person of Entra; `name` is for people to read, and decides nothing."""

    object_id: str
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Maker:
    """An account, and the person it belongs to; without `object_id` it is tied to nobody."""

    account: Account
    object_id: str = ""
    name: str = ""


@dataclass(frozen=True)
class People:
    """Whose accounts are whose (`config/people.yml`): names in small letters, None for an account of no person."""

    accounts: Mapping[tuple[AccountKind, str], EntraPerson | None] = field(default_factory=dict)

    def makers(self, accounts: Iterable[Account]) -> tuple[Maker, ...]:
        """One maker for each person, the proven account first, and one for each account that is tied to nobody.

        Accounts of no person are left out: what an application does, nobody has done.
        """
        found: dict[str, Maker] = {}
        for account in sorted(accounts, key=lambda each: not each.proven):
            maker = self._maker(account)
            if maker is not None:
                found.setdefault(maker.object_id or f"{account.kind} {account.name.casefold()}", maker)
        return tuple(found.values())

    def _maker(self, account: Account) -> Maker | None:
        name = account.name.strip().casefold()
        if account.kind is AccountKind.ENTRA:
            return Maker(account=account, object_id=name, name=self._name_of(name))
        for known in _spelled(account.kind, name):
            if known in _OF_NOBODY:
                return None
            if known in self.accounts:
                person = self.accounts[known]
                return Maker(account=account, object_id=person.object_id, name=person.name) if person else None
        return Maker(account=account)

    def _name_of(self, object_id: str) -> str:
        people = (person for person in self.accounts.values() if person)
        return next((person.name for person in people if person.object_id == object_id), "")


def _spelled(kind: AccountKind, name: str) -> Iterator[tuple[AccountKind, str]]:
    """The names that an account may be known by. A private address of GitHub holds the login."""
    kinds = (kind, *_ALSO.get(kind, ()))
    yield from ((each, name) for each in kinds)
    private = _PRIVATE_ADDRESS.fullmatch(name) if AccountKind.GIT_EMAIL in kinds else None
    if private:
        yield AccountKind.GITHUB_LOGIN, private["login"]


def together(*groups: Iterable[Account]) -> tuple[Account, ...]:
    """All accounts of several sources, each once, proven where one source says so; the rest of too many is counted."""
    found: dict[tuple[AccountKind, str], Account] = {}
    for account in (each for group in groups for each in group):
        key = account.kind, account.name.casefold()
        known = found.setdefault(key, account)
        found[key] = replace(known, proven=known.proven or account.proven)
    ordered = sorted(found.values(), key=lambda each: not each.proven)
    if len(ordered) <= MAKERS_MAX:
        return tuple(ordered)
    return (*ordered[: MAKERS_MAX - 1], unnamed(f"{len(ordered) - MAKERS_MAX + 1} more accounts"))
