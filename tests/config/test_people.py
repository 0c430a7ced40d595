"""`people.yml`: whose accounts are whose."""

from pathlib import Path

import pytest

from shared.adapters.config.check import checked
from shared.adapters.config.files import ConfigError, DiskTree, load_file
from shared.adapters.config.people import load_people
from shared.contracts.config.makers import PeopleConfig
from shared.domain.makers import Account, AccountKind
from shared.settings import APP_ROOT

ONE, TWO = ("33333333-0000-4000-8000-00000000000" + digit for digit in "12")
PEOPLE = f"""\
version: 1
people:
  - object_id: "{ONE}"
    name: Person One
    entra_names: [One@Example.com]
    git_emails: [one@home.example]
    github_logins: [octo-one]
  - object_id: "{TWO}"
    name: Person Two
    azure_devops_names: ['EXAMPLE\\two']
machines:
  github_logins: [robot]
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "people.yml"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("kind", "name", "person"),
    [
        (AccountKind.ENTRA_NAME, "one@example.com", ONE),
        (AccountKind.GIT_EMAIL, "One@Home.example", ONE),
        (AccountKind.GITHUB_LOGIN, "Octo-One", ONE),
        (AccountKind.AZURE_DEVOPS_NAME, "example\\Two", TWO),
        (AccountKind.GITHUB_LOGIN, "octo-two", ""),
    ],
)
def test_every_account_of_the_file_is_known_in_any_case(
    tmp_path: Path, kind: AccountKind, name: str, person: str
) -> None:
    [maker] = load_people(write(tmp_path, PEOPLE)).makers([Account(kind=kind, name=name)])
    assert maker.object_id == person


def test_a_machine_is_nobody_and_a_person_has_a_name(tmp_path: Path) -> None:
    people = load_people(write(tmp_path, PEOPLE))
    assert people.makers([Account(kind=AccountKind.GITHUB_LOGIN, name="robot")]) == ()
    [maker] = people.makers([Account(kind=AccountKind.ENTRA, name=ONE, proven=True)])
    assert maker.name == "Person One"


def test_without_the_file_nobody_is_known(tmp_path: Path) -> None:
    assert load_people(tmp_path / "people.yml").accounts == {}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (ONE, "somebody", "object_id"),
        (TWO, ONE, "object_id lists .* twice"),
        ("octo-one", "Robot", "github_logins lists robot twice"),
        ("name: Person One", "nick: x", "nick"),
        ("one@home.example", '"a b\\nc"', "git_emails"),
    ],
)
def test_a_mistake_is_told(tmp_path: Path, old: str, new: str, said: str) -> None:
    """One account of two people would let either approve what the other made."""
    with pytest.raises(ConfigError, match=said):
        load_file(write(tmp_path, PEOPLE.replace(old, new)), PeopleConfig)


def test_validating_the_configuration_reads_the_file_too(tmp_path: Path) -> None:
    write(tmp_path, PEOPLE.replace(TWO, ONE))
    _, problems = checked(DiskTree(tmp_path))
    assert any(each.file.endswith("people.yml") and "twice" in each.reason for each in problems)


def test_the_file_of_this_repository_can_be_read() -> None:
    assert load_people(APP_ROOT / "config" / "people.yml").accounts == {}
