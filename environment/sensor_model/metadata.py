"""What lies beside a trained model, in metadata.json: what it is for, what it was made from, how good it is."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

MODEL_FILE = "model.keras"
METADATA_FILE = "metadata.json"


class ModelFolderError(RuntimeError):
    """A model's folder is not what training writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelMetadata:
    """Content of metadata.json; of the metrics, mae and rmse are in standard deviations of a feature. mape is not there
    where all held-back values are 0, r2 not where a feature does not change."""

    plant_id: str
    circuit_id: str
    sensor_id: str
    features: tuple[str, ...]
    sequence_length: int
    step_s: int
    scaler: Mapping[str, list[float]]
    cutoff_date: str
    hyperparameters: Mapping[str, int | float]
    hyperparameters_hash: str
    seed: int
    training_windows: int
    holdout_windows: int
    metrics: Mapping[str, float]
    tensorflow_version: str
    environment_version: str

    @property
    def name(self) -> str:
        """How messages call the model."""
        return f"the model of {self.plant_id}/{self.circuit_id}"

    def write(self, folder: Path) -> None:
        """Write metadata.json into the folder."""
        text = json.dumps(asdict(self), indent=2, sort_keys=True)
        (folder / METADATA_FILE).write_text(text + "\n", encoding="utf-8")


def read_metadata(folder: Path) -> ModelMetadata:
    """The metadata of a model's folder; ModelFolderError when it is missing or of another format."""
    path = folder / METADATA_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise ModelFolderError(f"{path} cannot be read ({error}): register the folder training wrote") from error
    wanted = {field.name for field in fields(ModelMetadata)}
    if not isinstance(content, dict) or set(content) != wanted:
        raise ModelFolderError(f"{path} is not the metadata this code writes: train the model again")
    return ModelMetadata(**{**content, "features": tuple(content["features"])})
