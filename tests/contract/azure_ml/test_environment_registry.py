"""EnvironmentRegistry: registered once with its files and tags, in memory and on Azure ML alike."""

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.storage.blob import ContainerClient, ContainerSasPermissions, generate_container_sas

from shared.adapters.azure_ml.registry import AzureMlEnvironmentRegistry, written
from shared.application.changes.ports import EnvironmentRegistry, Registration
from shared.application.errors import PlatformErrored, PlatformOutcomeUnknown, PlatformRefused
from tests.contract.conftest import ACCOUNT, KEY
from tests.fakes.changes import MemoryEnvironmentRegistry
from tests.support.platforms import AzureMlHands, azure_ml
from tests.support.repositories import DEFINITION

NAME = "custom-tf-env"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureMlHands]:
    with azure_ml(tmp_path_factory.mktemp("azureml")) as hands:
        yield hands


@pytest.fixture(params=["memory", pytest.param("azure-ml", marks=pytest.mark.azurite)])
def registry(request: pytest.FixtureRequest) -> EnvironmentRegistry:
    """Each test runs on both."""
    if request.param == "memory":
        return MemoryEnvironmentRegistry()
    hands: AzureMlHands = request.getfixturevalue("azure")
    return AzureMlEnvironmentRegistry(hands.clients)


@dataclass(frozen=True)
class Files:
    """What `environment/` holds."""

    definition: str
    code: str = "print('scoring')\n"

    def registration(self, version: str, **tags: str) -> Registration:
        return Registration(
            name=NAME,
            version=version,
            tags={"git_commit_sha": "a" * 40, "empty": "", **tags},
            files={
                "custom_tf_env.yml": self.definition.encode(),
                "Dockerfile": b"FROM scratch\n",
                "sensor_model/score.py": self.code.encode(),
            },
        )


@pytest.fixture
def version() -> str:
    """A version of the test's own."""
    return f"3.0.{next(_numbers)}"


def a_registration(version: str, **tags: str) -> Registration:
    return Files(DEFINITION.replace("1.5.0", version)).registration(version, **tags)


async def test_a_version_is_registered_with_the_tags_of_the_registration(
    registry: EnvironmentRegistry, version: str
) -> None:
    """Those of the definition are replaced: they are empty where only a registration knows them."""
    assert await registry.get(NAME, version) is None
    made = await registry.register(a_registration(version, pr_number="PR-20"))
    assert made.tags == {"git_commit_sha": "a" * 40, "empty": "", "pr_number": "PR-20"}
    assert made.asset_id
    assert await registry.get(NAME, version) == made


async def test_registering_again_gives_what_is_there(registry: EnvironmentRegistry, version: str) -> None:
    """Whoever asked for it: the caller compares."""
    first = await registry.register(a_registration(version, pr_number="PR-20"))
    again = await registry.register(a_registration(version, pr_number="PR-21"))
    assert again == first


async def test_of_two_at_once_both_get_the_same_version(registry: EnvironmentRegistry, version: str) -> None:
    made = await asyncio.gather(*(registry.register(a_registration(version)) for _ in range(2)))
    assert made[0].asset_id == made[1].asset_id
    assert made[0].tags == made[1].tags


@pytest.mark.azurite
async def test_the_files_of_the_commit_are_what_is_built(azure: AzureMlHands, version: str) -> None:
    """With their folders; the definition says how."""
    await AzureMlEnvironmentRegistry(azure.clients).register(a_registration(version))
    environment = azure.trainer.environments.get(NAME, version)
    _, _, host, container, folder = str(environment.build.path).split("/", 4)
    permission = ContainerSasPermissions(read=True, list=True)
    until = datetime.now(UTC) + timedelta(hours=1)
    sas = generate_container_sas(ACCOUNT, container, account_key=KEY, permission=permission, expiry=until)
    with ContainerClient(f"https://{host}", container, credential=sas) as blobs:
        uploaded = {name.removeprefix(folder) for name in blobs.list_blob_names(name_starts_with=folder)}
        code = blobs.download_blob(f"{folder}sensor_model/score.py").readall()
    assert environment.build.dockerfile_path == "Dockerfile"
    assert environment.description == "Custom TensorFlow environment for sensor predictions"
    assert {"custom_tf_env.yml", "Dockerfile", "sensor_model/score.py"} <= uploaded
    assert code == b"print('scoring')\n"


@pytest.mark.azurite
async def test_a_definition_that_is_not_understood_is_refused(azure: AzureMlHands, version: str) -> None:
    """Trying again would not help."""
    registry = AzureMlEnvironmentRegistry(azure.clients)
    for definition in ("name: 5\nversion: [1]\n", "- a list\n", f'name: {NAME}\nversion: "{version}"\nimages: none\n'):
        with pytest.raises(PlatformRefused, match="not understood"):
            await registry.register(Files(definition).registration(version))
    assert await registry.get(NAME, version) is None


@pytest.mark.azurite
async def test_a_definition_that_leads_out_of_its_files_is_refused(
    azure: AzureMlHands, version: str, tmp_path: Path
) -> None:
    """Nothing of this machine is read, whatever a commit says; nor is what the registration does not name."""
    secret = tmp_path / "secret.yml"
    secret.write_text("channels: [TOP-SECRET-LINE]\n")
    registry = AzureMlEnvironmentRegistry(azure.clients)
    good = DEFINITION.replace("1.5.0", version)
    build = "build:\n  path: .\n  dockerfile_path: Dockerfile\n"
    for elsewhere in (
        f"image: scratch\nconda_file: {secret}\n",
        f"{build}conda_file: {secret}\n",
        f"build:\n  path: {tmp_path}\n",
        "build:\n  path: https://example.com/x\n",
        f"build:\n  path: .\n  dockerfile_path: {secret}\n",
    ):
        with pytest.raises(PlatformRefused, match="not understood") as refused:
            await registry.register(Files(good.replace(build, elsewhere)).registration(version))
        assert "SECRET" not in str(refused.value)
    with pytest.raises(PlatformRefused, match="another name or version"):
        await registry.register(Files(good.replace(f'"{version}"', '"9.9.9"', 1)).registration(version))
    assert await registry.get(NAME, version) is None


@pytest.mark.azurite
@pytest.mark.parametrize(
    ("kind", "fields"),
    [("status", {"status": 503}), ("status_after_commit", {"status": 500}), ("drop_after_commit", {})],
)
async def test_after_a_fault_the_version_is_there_or_registering_again_makes_it(
    azure: AzureMlHands, version: str, kind: str, fields: dict[str, int]
) -> None:
    """The answer got lost, or the service failed: either way the second try ends well, with the same content."""
    registry = AzureMlEnvironmentRegistry(azure.clients)
    azure.fault("environment.put", kind, **fields)
    try:
        with pytest.raises((PlatformErrored, PlatformOutcomeUnknown)):
            await registry.register(a_registration(version))
    finally:
        azure.calm()
    assert (await registry.register(a_registration(version))).tags["git_commit_sha"] == "a" * 40


@pytest.mark.parametrize("path", ["../out", "/etc/out", "a/../../out", "a\\b", "", ".git/hooks/x", "a/./b/.."])
def test_a_path_that_leads_elsewhere_is_refused(tmp_path: Path, path: str) -> None:
    """Trees of git are made by whoever pushes."""
    folder = tmp_path / "folder"
    folder.mkdir()
    registration = Registration(name=NAME, version="1.0.0", tags={}, files={path: b"x"})
    with pytest.raises(PlatformRefused):
        written(folder, registration)
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == []
