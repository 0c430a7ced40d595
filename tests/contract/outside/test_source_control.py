"""SourceControl: one branch, one commit, one pull request per proposal, wherever it was interrupted."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.adapters.config.files import DiskTree
from shared.adapters.source_control.azure_devops import AzureDevOps
from shared.adapters.source_control.choose import FilesInForce, source_control_of
from shared.adapters.source_control.github import GitHub
from shared.application.errors import PlatformRefused, TransientFault
from shared.application.ports import SourceControl
from tests.fakes.source_control import MemorySourceControl
from tests.support.source_control_servers import TOKEN, AzureDevOpsServer, GitHubServer, served

PATH, BRANCH = "config/plants/P001/C001.yml", "drift/p001-c001-2025-q4"
TEXT, NEW = 'cutoff_date: "2025-12-09" # ü\n', 'cutoff_date: "2025-12-31" # ü\n'
Server = GitHubServer | AzureDevOpsServer
ADDRESSES = {
    "github": "https://github.com/plant/models",
    "azure-devops": "https://dev.azure.com/works/plant/_git/models",
}


@pytest.fixture(params=list(ADDRESSES))
def server(request: pytest.FixtureRequest) -> Server:
    files = {"main": {PATH: TEXT}}
    return GitHubServer(files) if request.param == "github" else AzureDevOpsServer(files)


@pytest.fixture
async def source(server: Server) -> AsyncIterator[SourceControl]:
    with served(server) as url:
        address = ADDRESSES["github" if isinstance(server, GitHubServer) else "azure-devops"]
        client = source_control_of(address, "main", TOKEN, url)
        assert isinstance(client, GitHub | AzureDevOps)
        yield client
        await client.close()


@pytest.fixture(params=["memory", *ADDRESSES])
async def any_source(request: pytest.FixtureRequest) -> AsyncIterator[SourceControl]:
    """The suite that the fake keeps as well."""
    if request.param == "memory":
        yield MemorySourceControl({PATH: TEXT})
        return
    made = (
        GitHubServer({"main": {PATH: TEXT}}) if request.param == "github" else AzureDevOpsServer({"main": {PATH: TEXT}})
    )
    with served(made) as url:
        client = source_control_of(ADDRESSES[request.param], "main", TOKEN, url)
        yield client
        await client.close()  # type: ignore[attr-defined]


async def propose(source: SourceControl) -> str:
    return await source.propose({PATH: NEW}, branch=BRANCH, title="Train P001/C001", body="it drifted")


async def test_a_file_of_the_main_branch_is_read(any_source: SourceControl) -> None:
    assert await any_source.read(PATH) == TEXT
    with pytest.raises(PlatformRefused):
        await any_source.read("config/plants/P001/C009.yml")


async def test_proposing_twice_gives_the_same_pull_request(any_source: SourceControl) -> None:
    first = await propose(any_source)
    assert first.startswith(("http://", "https://"))
    assert await propose(any_source) == first
    assert await any_source.read(PATH) == TEXT


async def test_a_proposal_is_a_branch_with_one_commit_and_a_pull_request(server: Server, source: SourceControl) -> None:
    await propose(source)
    assert server.branches == {"main": {PATH: TEXT}, BRANCH: {PATH: NEW}}
    assert [(each["branch"], each["title"]) for each in server.pulls] == [(BRANCH, "Train P001/C001")]
    await propose(source)
    assert (len(server.pulls), server.commits) == (1, 1)


async def test_several_files_are_one_commit(server: Server, source: SourceControl) -> None:
    """Files that are so already on the branch do not matter, and the main branch's others stay."""
    others = {f"config/plants/P001/C{number:03}.yml": TEXT for number in range(2, 13)}
    server.branches["main"] |= others
    wanted = {PATH: NEW, **dict.fromkeys(list(others)[:10], NEW)}
    await source.propose(wanted, branch=BRANCH, title="Name 1.5.1", body="released")
    assert server.branches[BRANCH] == {**server.branches["main"], **wanted}
    assert (len(server.pulls), server.commits) == (1, 1)


async def test_a_proposal_without_files_is_refused(server: Server, source: SourceControl) -> None:
    with pytest.raises(PlatformRefused, match="without files"):
        await source.propose({}, branch=BRANCH, title="", body="")
    assert server.requests == []


async def test_a_pull_request_that_was_closed_is_not_opened_again(server: Server, source: SourceControl) -> None:
    """Somebody decided; also when the branch is gone since."""
    url = await propose(source)
    server.pulls[0]["state"] = "closed"
    del server.branches[BRANCH]
    assert await propose(source) == url
    assert len(server.pulls) == 1
    assert BRANCH not in server.branches


@pytest.mark.parametrize("survived", range(1, 9))
async def test_an_interrupted_proposal_goes_on_where_it_was(
    server: Server, source: SourceControl, survived: int
) -> None:
    """A fault at any request; then everything again."""
    allowed = iter(range(survived))
    real = server.answer

    def answer(*arguments: object) -> tuple[int, object]:
        return real(*arguments) if next(allowed, None) is not None else (503, {"message": "down"})  # type: ignore[arg-type]

    server.answer = answer  # type: ignore[method-assign]
    try:
        await propose(source)
    except TransientFault:
        server.answer = real  # type: ignore[method-assign]
        await propose(source)
    assert (len(server.pulls), server.commits, server.branches[BRANCH]) == (1, 1, {PATH: NEW})


async def test_two_at_once_make_one_pull_request(server: Server, source: SourceControl) -> None:
    """Whoever comes second is told the first one's, or asked to come back."""
    made = await asyncio.gather(*(propose(source) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(each, str | TransientFault) for each in made)
    assert await propose(source) == next(each for each in made if isinstance(each, str))
    assert len(server.pulls) == 1


async def test_reads_are_tried_again_and_writes_are_not(server: Server, source: SourceControl) -> None:
    server.faults["GET"] = [503, 502]
    assert await source.read(PATH) == TEXT
    server.faults["POST"] = [503]
    with pytest.raises(TransientFault):
        await propose(source)
    assert len([each for each in server.requests if each.startswith("POST")]) == 1


async def test_a_wrong_token_is_refused_without_being_told(server: Server) -> None:
    with served(server) as url:
        address = ADDRESSES["github" if isinstance(server, GitHubServer) else "azure-devops"]
        client = source_control_of(address, "main", "wrong-token", url)
        with pytest.raises(PlatformRefused, match="401") as refused:
            await client.read(PATH)
        await client.close()  # type: ignore[attr-defined]
    assert "wrong-token" not in str(refused.value)


async def test_who_does_not_answer_is_asked_later() -> None:
    client = source_control_of(ADDRESSES["github"], "main", TOKEN, "http://127.0.0.1:9")
    with pytest.raises(TransientFault):
        await client.read(PATH)
    await client.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", ["config/policies.yml", "config/plants/../policies.yml", ".github/workflows/x.yml"])
async def test_only_files_of_circuits_are_ever_proposed(source: SourceControl, server: Server, path: str) -> None:
    with pytest.raises(PlatformRefused, match="not the file of a circuit"):
        await source.propose({PATH: NEW, path: ""}, branch=BRANCH, title="", body="")
    assert server.requests == []


@pytest.mark.parametrize("address", ["https://example.com/a/b", "https://github.com/a", "", "/srv/repository"])
def test_an_address_of_another_service_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="no repository of GitHub or Azure DevOps"):
        source_control_of(address, "main", TOKEN)


async def test_a_dry_run_reads_the_deployed_configuration_and_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "plants" / "P001").mkdir(parents=True)
    (tmp_path / "plants" / "P001" / "C001.yml").write_text(TEXT, encoding="utf-8")
    files = FilesInForce(DiskTree(tmp_path))
    assert await files.read(PATH) == TEXT
    for path in ("config/plants/P001/C002.yml", "config/plants/../../etc/passwd"):
        with pytest.raises(PlatformRefused):
            await files.read(path)
    with pytest.raises(PlatformRefused, match="cannot be changed"):
        await propose(files)
