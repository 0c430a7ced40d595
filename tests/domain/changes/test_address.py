"""The addresses of one repository, in every documented spelling."""

import pytest

from shared.domain.changes.address import repository_address

DEVOPS = "https://dev.azure.com/contoso/Fleet/_git/config"
GITHUB = "https://github.com/contoso/config"

SAME_ON_DEVOPS = [
    "https://contoso@dev.azure.com/contoso/Fleet/_git/config",
    "https://dev.azure.com/Contoso/fleet/_git/Config/",
    "https://dev.azure.com/contoso/Fleet/Team%20A/_git/config",
    "https://dev.azure.com/contoso/Fleet/_git/_optimized/config",
    "https://dev.azure.com/contoso/Fleet/_git/_full/config",
    "https://contoso.visualstudio.com/Fleet/_git/config",
    "https://contoso.visualstudio.com/DefaultCollection/Fleet/_git/config",
    "https://contoso.visualstudio.com:443/DefaultCollection/Fleet/_git/config",
    "git@ssh.dev.azure.com:v3/contoso/Fleet/config",
    "ssh://git@ssh.dev.azure.com/v3/contoso/Fleet/config",
    "contoso@vs-ssh.visualstudio.com:v3/contoso/Fleet/config",
    "ssh://contoso@vs-ssh.visualstudio.com:22/Fleet/_ssh/config",
    "ssh://contoso@vs-ssh.visualstudio.com:22/DefaultCollection/Fleet/_ssh/config",
    "ssh://contoso@contoso.visualstudio.com:22/Fleet/_git/config",
    "ssh://contoso@contoso.visualstudio.com:22/DefaultCollection/Fleet/_ssh/config",
]
SAME_ON_GITHUB = [
    "https://github.com/Contoso/Config.git",
    "https://www.github.com/contoso/config/",
    "https://token@github.com/contoso/config.git",
    "git@github.com:contoso/config.git",
    "ssh://git@github.com/contoso/config.git",
    "ssh://git@ssh.github.com:443/contoso/config.git",
    "git://github.com/contoso/config.git",
]
OTHERS = [
    "https://contoso.visualstudio.com/Fleet/_git/other",
    "https://contoso.visualstudio.com/Other/_git/config",
    "https://fabrikam.visualstudio.com/Fleet/_git/config",
    "https://dev.azure.com/contoso/_git/config",
    "https://tfs.example.com/contoso/Fleet/_git/config",
    "git@ssh.dev.azure.com:v3/contoso/Other/config",
    "https://github.com/contoso/other",
    "https://github.example.com/contoso/config",
    "https://github.com.example.com/contoso/config",
    "https://evil-github.com/contoso/config",
    "https://dev.azure.com.example.com/contoso/Fleet/_git/config",
]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [*((DEVOPS, theirs) for theirs in SAME_ON_DEVOPS), *((GITHUB, theirs) for theirs in SAME_ON_GITHUB)],
)
def test_every_spelling_names_the_same_repository(ours: str, theirs: str) -> None:
    one, other = repository_address(ours), repository_address(theirs)
    assert one
    assert other
    assert one.same_as(other)
    assert other.same_as(one)


@pytest.mark.parametrize("ours", [DEVOPS, GITHUB])
@pytest.mark.parametrize("theirs", OTHERS)
def test_another_repository_is_another(ours: str, theirs: str) -> None:
    one, other = repository_address(ours), repository_address(theirs)
    assert one
    assert other
    assert not one.same_as(other)


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (GITHUB, "https://github.com/contoso/fleet-config-renamed", True),
        (GITHUB, "https://github.com/fabrikam/config", True),
        (GITHUB, "https://github.example.com/contoso/Config", True),
        ("https://github.com/contoso/fleet-config", "https://github.com/fabrikam/fleet_confg", True),
        (DEVOPS, "https://fabrikam.visualstudio.com/Fleet/_git/config", True),
        (DEVOPS, "https://dev.azure.com/contoso/Other/_git/config", True),
        (GITHUB, DEVOPS, True),
        (GITHUB, "https://github.com/fabrikam/website", False),
        (DEVOPS, "https://dev.azure.com/contoso/Other/_git/website", False),
        (GITHUB, "https://github.com/Contoso/Config.git", False),
    ],
)
def test_what_somebody_may_take_for_ours_resembles_it(ours: str, theirs: str, expected: bool) -> None:
    """By its name anywhere, or by what it stands below; a spelling of the same repository does not resemble it."""
    one, other = repository_address(ours), repository_address(theirs)
    assert one
    assert other
    assert one.resembles(other) is expected
    assert other.resembles(one) is expected


def test_the_repository_named_like_its_project_may_leave_the_project_out() -> None:
    """Azure DevOps writes the address of a project's own repository in the short form."""
    long = repository_address("https://dev.azure.com/fabrikam/Fabrikam/_git/Fabrikam")
    for short in (
        "https://dev.azure.com/fabrikam/_git/Fabrikam",
        "https://fabrikam.visualstudio.com/_git/Fabrikam",
        "https://fabrikam.visualstudio.com/DefaultCollection/_git/Fabrikam",
    ):
        other = repository_address(short)
        assert long
        assert other
        assert long.same_as(other)


@pytest.mark.parametrize(
    "text",
    ["", "/srv/fleet.git", "file:///srv/fleet.git", "C:/fleet", "fleet", "https://github.com/", "https://github.com/x",
     "https://dev.azure.com/contoso/Fleet", "git@ssh.dev.azure.com:v3/contoso", "https://[broken/x/y"],
)  # fmt: skip
def test_what_names_no_repository_is_none(text: str) -> None:
    assert repository_address(text) is None
