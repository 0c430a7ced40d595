"""A model on its way to production with the unmodified client: register, share, deploy, invoke, run."""

from __future__ import annotations

from pathlib import Path

from tests.local.azureml.cloud import ENGINEER, REGISTRY, Cloud
from tests.local.azureml.workshop import DEPLOYMENT, Workshop


def test_a_model_released_through_the_registry_scores_with_the_code_of_its_environment(
    cloud: Cloud, tmp_path: Path
) -> None:
    """From a local folder in dev to rows in test: shared, read back, deployed from the registry, invoked by name."""
    dev = Workshop(cloud, cloud.workspace(), tmp_path)
    test = Workshop(cloud, cloud.workspace("test-ml-workspace"), tmp_path)
    registered = dev.model("released-model", tags={"plant_id": "P001"})
    assert (registered.version, registered.creation_context.created_by) == ("1", ENGINEER)
    dev.environment("1.5.0")
    for shareable, name, version in (("models", "released-model", "1"), ("environments", "custom-tf-env", "1.5.0")):
        getattr(cloud.workspace(), shareable).share(
            name, version, registry_name=REGISTRY, share_with_name=name, share_with_version=version
        )
    registry = cloud.registry()
    shared = registry.models.get("released-model", "1")
    assert shared.tags == {"plant_id": "P001"}
    registry.models.download("released-model", "1", download_path=str(tmp_path / "copy"))
    assert [file.read_text() for file in (tmp_path / "copy").rglob("weights.txt")] == ["0.25"]

    test.table("a.parquet", "b.parquet", "c.parquet")
    test.endpoint()
    deployed = test.deploy(
        model=shared.id,
        environment=f"azureml://registries/{REGISTRY}/environments/custom-tf-env/versions/1.5.0",
        mini_batch_size=2,
    )
    assert deployed.provisioning_state == "Succeeded"
    job = test.finished(test.invoke(DEPLOYMENT))
    assert job.status == "Completed", test.log(job.name)
    assert test.rows(job) == [f"{name}.parquet,0.25,1.5.0,C001" for name in "abc"]
    assert "3 files in 2 mini batches" in test.log(job.name)
