"""TrainingPlatform on Azure Machine Learning: data assets and models of the dev workspace; jobs beside it.

Data assets and models have no create-if-absent: a PUT of a version that is there updates its tags. So each is read
first, written under a version that was fixed before, and read again when an answer was lost or refused.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from azure.core.exceptions import AzureError, ResourceNotFoundError

from shared.adapters.azure_ml.blobstore import WorkspaceBlobs
from shared.adapters.azure_ml.clients import AzureMlClients
from shared.adapters.azure_ml.command_jobs import uri
from shared.adapters.azure_ml.errors import translated
from shared.adapters.azure_ml.training_jobs import MODEL_OUTPUT, AzureMlTrainingJobs
from shared.adapters.azure_ml.values import texts
from shared.application.errors import PlatformOutcomeUnknown, PlatformRefused
from shared.application.training.ports import DataSeen, ModelSeen
from shared.domain.names import can_be_asset
from shared.domain.training.lineage import READS_MLTABLE, DataAsset

if TYPE_CHECKING:
    from azure.ai.ml.entities import Data, Model

T = TypeVar("T")


class AzureMlTrainingPlatform:
    """The dev workspace of one AzureMlScope; errors as the port says."""

    def __init__(self, clients: AzureMlClients) -> None:
        jobs = AzureMlTrainingJobs(clients)
        assets = _Assets(clients, jobs.blobs)
        self.register_data = clients.pooled(assets.register_data)
        self.submit = clients.pooled(jobs.train)
        self.get_job = clients.pooled(jobs.get)
        self.cancel = clients.pooled(jobs.cancel)
        self.versions = clients.pooled(assets.versions)
        self.trained = clients.pooled(jobs.trained)
        self.register_model = clients.pooled(assets.register_model)
        self.get_model = clients.pooled(assets.get_model)
        self.get_data = clients.pooled(assets.get_data)
        self.data_input = clients.pooled(jobs.data_input)


class _Assets:
    """The blocking calls; each runs in the pool."""

    def __init__(self, clients: AzureMlClients, blobs: WorkspaceBlobs) -> None:
        self._clients = clients
        self._blobs = blobs

    def register_data(self, asset: DataAsset, environment_name: str, environment_version: str) -> str:
        there = self.get_data(asset.name, asset.version)
        if there is None:
            is_read = self._reads_mltable(environment_name, environment_version)
            there = self._registered(asset, asset.mltable if is_read else asset.mltable_before)
        if _filter_of(there) != asset.filter:
            raise PlatformRefused(
                f"data asset {asset.name}:{asset.version} is there with the filter {_filter_of(there)!r}, wanted is "
                f"{asset.filter!r}: a version never changes, choose another cutoff date"
            )
        return f"{asset.name}:{asset.version}"

    def _reads_mltable(self, name: str, version: str) -> bool:
        """Whether training in this environment reads the form of Azure ML's own engine; where it is not there, the job
        will say so."""
        what = f"environment {name}:{version}"
        tags = _read(lambda: texts(self._clients.dev().environments.get(name, version).tags), what)
        return tags is None or tags.get(READS_MLTABLE) == "true"

    def _registered(self, asset: DataAsset, mltable: str) -> DataSeen:
        """The MLTable file goes to a place that follows from the version, so that all who register at once write the
        same; what is there afterwards counts, whoever wrote it."""
        from azure.ai.ml.entities import Data

        what = f"data asset {asset.name}:{asset.version}"
        entity = Data(
            name=asset.name,
            version=asset.version,
            type="mltable",
            path=uri(f"{asset.folder}/"),
            tags=dict(asset.tags),
            description=asset.description,
            skip_validation=True,  # the file is ours; the client would fetch its schema from the internet
        )
        try:
            self._blobs.write(f"{asset.folder}/MLTable", mltable.encode())
            self._clients.dev().data.create_or_update(entity)
        except AzureError as error:
            there = self.get_data(asset.name, asset.version)
            if there is None:
                raise translated(error, f"{what} could not be registered") from error
            return there
        there = self.get_data(asset.name, asset.version)
        if there is None:
            raise PlatformOutcomeUnknown(f"{what} was registered, and it is not there yet")
        return there

    def versions(self, model_name: str) -> list[ModelSeen]:
        from azure.ai.ml.constants import ListViewType

        def listed() -> list[ModelSeen]:
            found = self._clients.dev().models.list(model_name, list_view_type=ListViewType.ALL)
            return [_model_seen(each) for each in found]

        return _read(listed, f"the versions of model {model_name}") or []

    def register_model(self, name: str, version: str, job_name: str, tags: Mapping[str, str]) -> ModelSeen:
        from azure.ai.ml.entities import Model

        if there := self.get_model(name, version):
            return there
        entity = Model(
            name=name,
            version=version,
            path=f"azureml://jobs/{job_name}/outputs/{MODEL_OUTPUT}/paths/",
            type="custom_model",
            tags=dict(tags),
        )
        try:
            return _model_seen(self._clients.dev().models.create_or_update(entity))
        except AzureError as error:
            if there := self.get_model(name, version):
                return there
            raise translated(error, f"model {name}:{version} could not be registered") from error

    def get_model(self, name: str, version: str) -> ModelSeen | None:
        if not can_be_asset(name, version):
            return None
        return _read(lambda: _model_seen(self._clients.dev().models.get(name, version)), f"model {name}:{version}")

    def get_data(self, name: str, version: str) -> DataSeen | None:
        if not can_be_asset(name, version):  # they come from a model's tags
            return None
        return _read(lambda: _data_seen(self._clients.dev().data.get(name, version)), f"data asset {name}:{version}")


def _read(call: Callable[[], T], what: str) -> T | None:
    try:
        return call()
    except ResourceNotFoundError:
        return None
    except AzureError as error:
        raise translated(error, f"{what} could not be read") from error


def _model_seen(model: "Model") -> ModelSeen:
    return ModelSeen(
        name=str(model.name),
        version=str(model.version),
        tags=texts(model.tags),
        path=str(model.path or ""),
        job_name=str(model.job_name or ""),
    )


def _data_seen(data: "Data") -> DataSeen:
    return DataSeen(name=str(data.name), version=str(data.version), path=str(data.path or ""), tags=texts(data.tags))


def _filter_of(data: DataSeen) -> str:
    """What the asset says about itself; one that another pipeline registered has the parts and not the whole."""
    tags = data.tags
    return tags.get("filter") or f"date <= '{data.version}' AND sensor_id == '{tags.get('sensor_id', '')}'"
