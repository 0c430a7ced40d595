"""What becomes of assets once they are registered: labels, tags, archives, deletion, in workspaces and the registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from azure.ai.ml import command
from azure.ai.ml.entities import Data, Environment, Model
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError

from tests.local.azureml.cloud import REGISTRY, Cloud
from tests.local.azureml.official import WHERE, client
from tests.local.azureml.workshop import ENDPOINT, Workshop, folder

PLACE = "azureml://datastores/workspaceblobstore/paths/lifecycle/"


def of_kind(kind: str, name: str, version: str | None, **fields: Any) -> Any:
    """An asset of a kind that points to something, with the operations of the client for it."""
    if kind == "models":
        return Model(name=name, version=version, path=PLACE, type="custom_model", **fields)
    if kind == "data":
        return Data(name=name, version=version, path=PLACE, type="uri_folder", **fields)
    if kind == "components":
        text = command(name=name, version=version, command="true", environment="azureml:custom-tf-env:1.5.0")
        component = text.component
        component.tags = fields.get("tags") or {}
        return component
    return Environment(name=name, version=version, image="base:1", **fields)


KINDS = ("models", "data", "environments", "components")


@pytest.mark.parametrize("kind", KINDS)
def test_the_label_latest_is_the_version_created_last(workshop: Workshop, kind: str) -> None:
    """Not the highest: it goes by time of creation."""
    operations = getattr(workshop.client, kind)
    for version in ("1", "3", "2"):
        operations.create_or_update(of_kind(kind, f"labelled_{kind}", version))
    assert operations.get(f"labelled_{kind}", label="latest").version == "2"


@pytest.mark.parametrize("kind", KINDS)
def test_a_version_is_archived_and_restored(workshop: Workshop, kind: str) -> None:
    """The list of active versions loses it and gets it back; its tags stay through both."""
    operations, name = getattr(workshop.client, kind), f"archived_{kind}"
    for version in ("1", "2"):
        operations.create_or_update(of_kind(kind, name, version, tags={"kept": version}))

    def listed() -> list[str]:
        return [each.version for each in operations.list(name)]

    operations.archive(name, version="1")
    assert listed() == ["2"]
    operations.restore(name, version="1")
    assert listed() == ["2", "1"]
    assert operations.get(name, version="1").tags == {"kept": "1"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_name_is_archived_and_restored_with_all_its_versions(workshop: Workshop, kind: str) -> None:
    """The container leaves the list of names; a version can still be read."""
    operations, name = getattr(workshop.client, kind), f"hidden_{kind}"
    operations.create_or_update(of_kind(kind, name, "1"))
    operations.archive(name)
    assert name not in {each.name for each in operations.list()}
    assert operations.get(name, version="1").name == name
    operations.restore(name)
    assert name in {each.name for each in operations.list()}


def test_a_version_that_is_not_given_is_counted_up(workshop: Workshop) -> None:
    """Models and data take the next number; an environment without a version goes over its latest, until it differs."""
    for kind in ("models", "data"):
        operations = getattr(workshop.client, kind)
        made = [operations.create_or_update(of_kind(kind, f"numbered-{kind}", None)).version for _ in range(2)]
        assert made == ["1", "2"]
    environments = workshop.client.environments
    versions = [
        environments.create_or_update(Environment(name="numbered-env", image=image)).version
        for image in ("base:1", "base:1", "base:2")
    ]
    assert versions == ["1", "1", "2"]


def test_the_path_of_data_never_changes_but_its_tags_do(workshop: Workshop) -> None:
    data = workshop.client.data
    data.create_or_update(of_kind("data", "cutoff", "2025-12-09", tags={"rows": "10"}))
    data.create_or_update(of_kind("data", "cutoff", "2025-12-09", tags={"rows": "11"}))
    assert data.get("cutoff", "2025-12-09").tags == {"rows": "11"}
    moved = Data(name="cutoff", version="2025-12-09", path=PLACE + "elsewhere/", type="uri_folder")
    with pytest.raises(Exception, match=r"Asset paths cannot be updated|already exists"):
        data.create_or_update(moved)


def test_an_asset_in_the_registry_is_tagged_archived_and_listed_like_one_in_a_workspace(cloud: Cloud) -> None:
    environments = cloud.registry().environments
    for version in ("1.0.0", "1.1.0"):
        environments.create_or_update(Environment(name="in-registry", version=version, image=f"base:{version}"))
    environments.create_or_update(Environment(name="in-registry", version="1.0.0", image="base:1.0.0", tags={"a": "b"}))
    assert environments.get("in-registry", "1.0.0").tags == {"a": "b"}
    assert environments.get("in-registry", label="latest").version == "1.1.0"
    environments.archive("in-registry", version="1.0.0")
    assert [each.version for each in environments.list("in-registry")] == ["1.1.0"]
    with pytest.raises(HttpResponseError, match="immutable"):
        environments.create_or_update(Environment(name="in-registry", version="1.1.0", image="base:2"))


def test_an_environment_and_its_code_are_shared_by_the_client(workshop: Workshop) -> None:
    """Each share by a client of its own, since sharing leaves one changed."""
    workshop.environment("3.0.0", name="shared-env")
    wanted = {"registry_name": REGISTRY, "share_with_name": "shared-env", "share_with_version": "3.0.0"}
    workshop.cloud.workspace().environments.share("shared-env", "3.0.0", **wanted)
    shared = workshop.cloud.registry().environments.get("shared-env", "3.0.0")
    assert shared.id == f"azureml://registries/{REGISTRY}/environments/shared-env/versions/3.0.0"


def test_a_deleted_version_is_gone_and_its_name_can_be_used_again(workshop: Workshop, tmp_path: Path) -> None:
    """The other client deletes; a job then sees the new files, not those of the deleted version."""
    models, deployed = client().model_versions, "reborn"
    for weights in ("0.1", "0.2"):
        source = folder(tmp_path / weights / "model", {"weights.txt": weights})
        workshop.client.models.create_or_update(Model(name=deployed, version="1", path=str(source)))
        workshop.deploy(name=deployed, model=f"azureml:{deployed}:1")
        job = workshop.finished(workshop.invoke(deployed))
        assert workshop.rows(job)[0].split(",")[1] == weights
        models.delete(name=deployed, version="1", **WHERE)
        with pytest.raises(ResourceNotFoundError):
            workshop.client.models.get(deployed, "1")
    models.delete(name=deployed, version="1", **WHERE)  # which is no error
    workshop.client.batch_deployments.begin_delete(deployed, ENDPOINT).result()
    client().model_containers.delete(name=deployed, **WHERE)
    assert deployed not in {each.name for each in workshop.client.models.list()}


def test_a_job_is_deleted_when_it_has_ended(workshop: Workshop) -> None:
    """While it runs it has to be canceled first."""
    wanted = command(command="sleep 60", environment="azureml:custom-tf-env:1.5.0", compute="cpu-cluster")
    name = str(workshop.client.jobs.create_or_update(wanted).name)
    with pytest.raises(ResourceExistsError, match="cancel it before"):
        workshop.client.jobs.begin_delete(name)
    workshop.client.jobs.begin_cancel(name).result()
    workshop.client.jobs.begin_delete(name).result()
    with pytest.raises(ResourceNotFoundError):
        workshop.client.jobs.get(name)
