"""Versions of models, environments and data: what can change, how they are numbered and listed."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from azure.ai.ml.entities import Data, Environment, Model
from azure.ai.ml.exceptions import ValidationException
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError

from tests.local.azureml.cloud import REGISTRY, Cloud, token, workspace_path
from tests.local.azureml.workshop import Workshop, folder
from tests.support.processes import until


def remote(name: str, version: str | None, path: str, **fields: object) -> Model:
    uri = f"azureml://datastores/workspaceblobstore/paths/{path}/"
    return Model(name=name, version=version, path=uri, type="custom_model", **fields)


def test_versions_count_up_and_the_newest_comes_first(workshop: Workshop) -> None:
    """Without a version the service picks the next number; lists and `latest` go by time of creation."""
    models = workshop.client.models
    for number in range(3):
        models.create_or_update(remote("counted", None, f"m{number}"))
    assert [model.version for model in models.list("counted")] == ["3", "2", "1"]
    assert models.get("counted", label="latest").version == "3"
    assert "counted" in {model.name for model in models.list()}


def test_the_path_of_a_model_never_changes_but_its_tags_do(workshop: Workshop) -> None:
    """Another path under the same version is refused; tags of the same version are replaced."""
    models = workshop.client.models
    models.create_or_update(remote("fixed", "1", "first", tags={"stage": "dev"}))
    with pytest.raises(HttpResponseError, match="Asset paths cannot be updated"):
        models.create_or_update(remote("fixed", "1", "second"))
    models.create_or_update(remote("fixed", "1", "first", tags={"stage": "prod"}, description="released"))
    stored = models.get("fixed", "1")
    assert (stored.tags, stored.description) == ({"stage": "prod"}, "released")
    assert stored.path.endswith("/first/")


def test_a_model_version_is_an_integer(workshop: Workshop) -> None:
    """R-FLEET-13: `1` is allowed, `1.0.0` is not."""
    with pytest.raises(HttpResponseError, match="not an integer"):
        workshop.client.models.create_or_update(remote("semantic", "1.0.0", "m"))


def test_an_environment_version_keeps_its_image(workshop: Workshop) -> None:
    """A different image under the same version is a conflict, the same image with new tags is not."""
    environments = workshop.client.environments
    environments.create_or_update(Environment(name="plain", version="1.0.0", image="base:1"))
    with pytest.raises(ResourceExistsError, match="immutable"):
        environments.create_or_update(Environment(name="plain", version="1.0.0", image="base:2"))
    environments.create_or_update(
        Environment(name="plain", version="1.0.0", image="base:1", tags={"backward_compatible": "true"})
    )
    assert environments.get("plain", "1.0.0").tags == {"backward_compatible": "true"}


def test_an_archived_version_leaves_the_list_of_active_ones(workshop: Workshop) -> None:
    """It can still be read by its version."""
    models = workshop.client.models
    models.create_or_update(remote("retired", "1", "m"))
    models.create_or_update(remote("retired", "2", "n"))
    models.archive("retired", version="1")
    assert [model.version for model in models.list("retired")] == ["2"]
    assert models.get("retired", "1").version == "1"


def test_a_local_data_folder_is_uploaded_with_the_clients_own_signature(workshop: Workshop, tmp_path: Path) -> None:
    """Data versions are strings: the cutoff date."""
    source = folder(tmp_path / "table", {"MLTable": "type: mltable"})
    created = workshop.client.data.create_or_update(
        Data(name="training", version="2025-12-09", path=str(source), type="uri_folder", tags={"circuit_id": "C001"})
    )
    listed = list(workshop.client.data.list("training"))
    assert [one.version for one in listed] == ["2025-12-09"]
    assert "/datastores/workspaceblobstore/paths/" in created.path


def test_a_model_cannot_be_shared_twice_under_one_version(workshop: Workshop) -> None:
    """The second share finds the first one and stops."""
    workshop.model("twice")
    wanted = {"registry_name": REGISTRY, "share_with_name": "twice", "share_with_version": "1"}
    workshop.cloud.workspace().models.share("twice", "1", **wanted)
    with pytest.raises(ValidationException, match="already exists"):
        workshop.cloud.workspace().models.share("twice", "1", **wanted)


def test_a_share_under_an_impossible_version_is_refused_at_once(cloud: Cloud, workshop: Workshop) -> None:
    """An accepted import that could never be recorded would run for ever."""
    answer = start_import(cloud, workshop, "sensor-model", version="next")
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, "Model version 'next' is not an integer.")


def test_a_share_never_replaces_a_version_that_appeared_meanwhile(cloud: Cloud, workshop: Workshop) -> None:
    """The import fails: versions in the registry do not change either."""
    cloud.control("PUT", "profile", json={"lro_seconds": 1})
    accepted = start_import(cloud, workshop, "contested", version="1")
    assert accepted.status_code == 202
    direct = f"{cloud.part.url}{registry_path()}/models/contested/versions/1"
    body = {"properties": {"modelUri": "https://devstoreaccount1.blob.core.windows.net/direct/model"}}
    assert httpx.put(direct, json=body, headers=token()).status_code == 201
    ended = until(lambda: finished(accepted.headers["location"]))
    assert (ended.status_code, "already exists" in ended.text) == (400, True)
    stored = httpx.get(direct, headers=token()).json()
    assert stored["properties"]["modelUri"] == body["properties"]["modelUri"]


def test_a_share_whose_artifact_is_missing_leaves_nothing_in_the_registry(cloud: Cloud, workshop: Workshop) -> None:
    """The import fails, and the version stays unknown."""
    workshop.client.models.create_or_update(remote("hollow", "1", "nothing-here"))
    with pytest.raises(HttpResponseError, match="nothing-here was not found"):
        cloud.workspace().models.share(
            "hollow", "1", registry_name=REGISTRY, share_with_name="hollow", share_with_version="1"
        )
    with pytest.raises(ResourceNotFoundError):
        cloud.registry().models.get("hollow", "1")


def test_an_environment_can_be_registered_in_the_registry_directly(cloud: Cloud) -> None:
    """A registry client creates, lists and reads it without a workspace."""
    registry = cloud.registry()
    registry.environments.create_or_update(Environment(name="direct", version="2.0.0", image="base:1"))
    assert [one.version for one in registry.environments.list("direct")] == ["2.0.0"]
    assert registry.environments.get("direct", "2.0.0").image == "base:1"


def test_a_registry_client_uploads_and_reads_a_model_of_its_own(cloud: Cloud, tmp_path: Path) -> None:
    """Without a workspace in between; the artifact is in the registry's storage."""
    registry = cloud.registry()
    source = folder(tmp_path / "model", {"weights.txt": "0.5"})
    registry.models.create_or_update(Model(name="own", version="1", path=str(source)))
    registry.models.download("own", "1", download_path=str(tmp_path / "copy"))
    assert [file.read_text() for file in (tmp_path / "copy").rglob("weights.txt")] == ["0.5"]


def test_a_long_list_comes_in_pages(workshop: Workshop) -> None:
    """The client follows the links to the end."""
    url = f"{workshop.cloud.part.url}{workspace_path()}/models/many/versions"
    body = {"properties": {"modelUri": "azureml://datastores/workspaceblobstore/paths/m/"}}
    with httpx.Client(headers=token()) as client:
        for number in range(1, 102):
            assert client.put(f"{url}/{number}", json=body).status_code == 201
        assert len(client.get(url).json()["value"]) == 100
    assert [int(model.version) for model in workshop.client.models.list("many")] == list(range(101, 0, -1))


def registry_path() -> str:
    provider, _, _ = workspace_path().partition("/workspaces/")
    return f"/mferp/managementfrontend{provider}/registries/{REGISTRY}"


def start_import(cloud: Cloud, workshop: Workshop, name: str, *, version: str) -> httpx.Response:
    """Ask for a copy of the workshop's model in the registry, without the client's own checks."""
    source = workshop.client.models.get("sensor-model", "1").id
    wanted = {"sourceAssetId": source, "destinationName": name, "destinationVersion": version}
    url = f"{cloud.part.url}{registry_path()}/import"
    return httpx.post(url, json={"properties": wanted}, headers=token())


def finished(location: str) -> httpx.Response | None:
    """The result of a long-running operation once it has ended."""
    answer = httpx.get(location, headers=token())
    return None if answer.status_code == 202 else answer
