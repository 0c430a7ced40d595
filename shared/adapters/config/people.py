"""`people.yml` in the domain's words."""

from pathlib import Path

from shared.adapters.config.files import load_file
from shared.contracts.config.makers import Accounts, PeopleConfig
from shared.domain.makers import AccountKind, EntraPerson, People

_KINDS = {
    "entra_names": AccountKind.ENTRA_NAME,
    "git_emails": AccountKind.GIT_EMAIL,
    "github_logins": AccountKind.GITHUB_LOGIN,
    "azure_devops_names": AccountKind.AZURE_DEVOPS_NAME,
}


def load_people(path: Path) -> People:
    """Whose accounts are whose; without the file nobody is known. Raises ConfigError with every mistake."""
    return people_of(load_file(path, PeopleConfig)) if path.exists() else People()


def people_of(config: PeopleConfig) -> People:
    """Every account of the file, with the person it belongs to or None."""
    accounts: dict[tuple[AccountKind, str], EntraPerson | None] = dict.fromkeys(_keys(config.machines))
    for each in config.people:
        person = EntraPerson(object_id=each.object_id, name=each.name)
        accounts |= dict.fromkeys([(AccountKind.ENTRA, each.object_id), *_keys(each)], person)
    return People(accounts)


def _keys(accounts: Accounts) -> list[tuple[AccountKind, str]]:
    return [(kind, name.casefold()) for field, kind in _KINDS.items() for name in getattr(accounts, field)]
