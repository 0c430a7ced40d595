"""The HTTP function that lists the versions of the environment models keep working in."""

from typing import Any

import pytest

from shared.application.errors import PlatformErrored, PlatformRefused
from tests.fakes.environment_platform import MemoryEnvironmentPlatform
from tests.fakes.platform import REGISTRY
from tests.functions.callers import Signer, answered, function, request
from tests.support.benches.release import Bench
from tests.support.benches.road import NAME, TAGS

list_versions = function("list_environment_versions")
BREAKING = {"backward_compatible": "false", "requires_retrain": "true", "breaking_changes": "another scaler"}


class BrokenRegistry(MemoryEnvironmentPlatform):
    """Answers with an error."""

    error: Exception

    async def environment_versions(self, name: str, workspace: str = "") -> list[tuple[str, dict[str, str]]]:
        raise self.error


def registered(bench: Bench, *versions: str, shared: bool = True, **tags: str) -> None:
    """The versions are in dev and, unless told otherwise, in the shared registry."""
    for version in versions:
        summary = {"change_summary": f"what {version} changes"}
        bench.environments.add_environment(NAME, version, {**TAGS, **summary, "source_code_version": version, **tags})
        if shared:
            bench.platform.registry[f"{REGISTRY}/environments/{NAME}/versions/{version}"] = "environment"


async def test_compatible_versions_of_the_registry_are_listed_with_their_tags(bench: Bench, signer: Signer) -> None:
    """By number and not by text; what is only in dev, or breaks models, is not listed."""
    registered(bench, "1.10.0", "1.6.0", "1.5.1")
    registered(bench, "2.0.0", **BREAKING)
    registered(bench, "1.11.0", shared=False)

    body = answered(await list_versions(request(signer.token())), 200)

    assert (body["name"], body["running"]) == (NAME, None)
    assert [each["version"] for each in body["versions"]] == ["1.5.1", "1.6.0", "1.10.0"]
    assert body["versions"][0] == {
        "version": "1.5.1",
        "change_summary": "what 1.5.1 changes",
        "tensorflow_version": "2.21.0",
        "registered_at": "2025-12-09T10:30:00Z",
        "registered_by": "maker@example.com",
    }


async def test_what_can_take_the_place_of_a_version_has_no_break_in_between(bench: Bench, signer: Signer) -> None:
    """2.0.1 goes well with 2.0.0, but what runs 1.5.1 cannot take it."""
    registered(bench, "1.5.1", "1.6.0")
    registered(bench, "2.0.0", **BREAKING)
    registered(bench, "2.0.1")

    async def above(running: str) -> list[str]:
        body = answered(await list_versions(request(signer.token(), query={"running": running})), 200)
        return [each["version"] for each in body["versions"]]

    assert await above("1.5.1") == ["1.6.0"]
    assert await above("2.0.0") == ["2.0.1"]
    assert await above("2.0.1") == []


@pytest.mark.parametrize("running", ["", "1.5", "latest", "1.5.1; drop"])
async def test_a_running_version_must_be_a_version(bench: Bench, signer: Signer, running: str) -> None:
    body = answered(await list_versions(request(signer.token(), query={"running": running})), 400)

    assert "write MAJOR.MINOR.PATCH" in body["detail"]


@pytest.mark.parametrize(
    ("error", "status"), [(PlatformErrored("the registry is away"), 503), (PlatformRefused("no access"), 502)]
)
async def test_a_registry_that_does_not_answer_is_not_an_empty_one(
    bench: Bench, signer: Signer, error: Exception, status: int
) -> None:
    broken = BrokenRegistry(bench.platform)
    broken.error = error
    bench.environments = broken

    assert answered(await list_versions(request(signer.token())), status)["detail"] == str(error)


async def test_nobody_unknown_sees_the_versions(bench: Bench) -> None:
    unknown: Any = await list_versions(request(None))

    answered(unknown, 401)
