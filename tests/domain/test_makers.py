"""Accounts and the people they belong to."""

import pytest

from shared.domain.makers import MAKERS_MAX, Account, AccountKind, EntraPerson, People, named_in, together, unnamed

ANN, BEN = (
    EntraPerson(object_id="11111111-aaaa-bbbb-cccc-000000000001", name="A"),
    EntraPerson(object_id="b" * 8, name="B"),
)
PEOPLE = People(
    {
        (AccountKind.GIT_EMAIL, "one@example.com"): ANN,
        (AccountKind.GITHUB_LOGIN, "one"): ANN,
        (AccountKind.ENTRA_NAME, "two@example.com"): BEN,
        (AccountKind.GITHUB_LOGIN, "robot"): None,
        (AccountKind.ENTRA, ANN.object_id): ANN,
    }
)


def account(kind: AccountKind, name: str, *, proven: bool = False) -> Account:
    return Account(kind=kind, name=name, proven=proven)


@pytest.mark.parametrize(
    ("kind", "name", "person"),
    [
        (AccountKind.GIT_EMAIL, "One@Example.com", ANN.object_id),
        (AccountKind.GIT_EMAIL, "12345+one@users.noreply.github.com", ANN.object_id),
        (AccountKind.GIT_EMAIL, "one@users.noreply.github.com", ANN.object_id),
        (AccountKind.GIT_EMAIL, "two@example.com", ""),
        (AccountKind.AZURE_DEVOPS_NAME, "two@example.com", BEN.object_id),
        (AccountKind.TAG, "one", ANN.object_id),
        (AccountKind.TAG, "TWO@example.com", BEN.object_id),
        (AccountKind.TAG, "someone", ""),
        (AccountKind.ENTRA, "33333333-0000-4000-8000-000000000001", "33333333-0000-4000-8000-000000000001"),
        (AccountKind.ENTRA_NAME, "33333333-0000-4000-8000-00000000000a", ""),
        (AccountKind.ENTRA_NAME, ANN.object_id.upper(), ANN.object_id),
        (AccountKind.TAG, ANN.object_id, ANN.object_id),
        (AccountKind.GIT_EMAIL, "33333333-0000-4000-8000-000000000001", ""),
        (AccountKind.UNNAMED, "one", ""),
    ],
)
def test_an_account_is_tied_to_the_person_it_belongs_to(kind: AccountKind, name: str, person: str) -> None:
    [maker] = PEOPLE.makers([account(kind, name)])
    assert maker.object_id == person


@pytest.mark.parametrize(
    "nobody", [account(AccountKind.GITHUB_LOGIN, "Robot"), account(AccountKind.GIT_EMAIL, "noreply@github.com")]
)
def test_what_an_application_does_nobody_has_done(nobody: Account) -> None:
    assert PEOPLE.makers([nobody]) == ()


def test_of_one_person_the_proven_account_counts() -> None:
    claimed = account(AccountKind.GIT_EMAIL, "one@example.com")
    proven = account(AccountKind.GITHUB_LOGIN, "one", proven=True)
    assert [maker.account for maker in PEOPLE.makers([claimed, proven])] == [proven]


def test_an_account_counts_once_and_as_proven_where_one_source_says_so() -> None:
    claimed, proven = (account(AccountKind.GITHUB_LOGIN, name, proven=name == "One") for name in ("one", "One"))
    assert together([claimed], [proven]) == (account(AccountKind.GITHUB_LOGIN, "one", proven=True),)


def test_of_too_many_accounts_the_rest_is_counted_and_unknown() -> None:
    many = [account(AccountKind.GIT_EMAIL, f"{number}@example.com") for number in range(MAKERS_MAX + 1)]
    kept = together(many)
    assert (len(kept), kept[-1]) == (MAKERS_MAX, unnamed("2 more accounts"))
    assert len(together(many[:-1])) == MAKERS_MAX


def test_tags_name_people_once_and_only_others_than_those_who_are_known() -> None:
    tags = {"pr_author": "Rita", "requested_by": "tom", "registered_by": "tom", "other": "x"}
    named = named_in(tags, "pr_author", "requested_by", "registered_by", "absent", but_not=["rita"])
    assert [each.name for each in named] == ["tom"]
    assert not named[0].proven
