"""Events of Azure Machine Learning as Event Grid delivers them.

Two documented samples disagree in the case of the keys of `data` and in the type of versions
(docs/azure-facts.md#events-of-azure-ml), so keys are compared without regard to case and versions may be strings or
integers.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError

from shared.contracts.inbound.wire import Wire
from shared.domain.names import ASSET_NAME, ASSET_VERSION, JOB_NAME

MODEL_REGISTERED = "Microsoft.MachineLearningServices.ModelRegistered"
RUN_STATUS_CHANGED = "Microsoft.MachineLearningServices.RunStatusChanged"
RUN_COMPLETED = "Microsoft.MachineLearningServices.RunCompleted"


class EventGridError(ValueError):
    """The event does not have the documented form; the message names the field."""


def _text_of(version: Any) -> Any:
    """A number as text; anything else as it is, for the type to refuse."""
    return str(version) if isinstance(version, int) and not isinstance(version, bool) else version


VersionText = Annotated[str, BeforeValidator(_text_of), Field(pattern=f"^{ASSET_VERSION}$")]


class ModelRegisteredData(Wire):
    """What we read of ModelRegistered; everything else is read again from Azure ML."""

    modelname: str = Field(pattern=f"^{ASSET_NAME}$")
    modelversion: VersionText


class RunChangedData(Wire):
    """What we read of RunStatusChanged and RunCompleted."""

    runid: str = Field(pattern=f"^{JOB_NAME}$")


def parse_model_registered(data: Any) -> ModelRegisteredData:
    """Raises EventGridError."""
    try:
        return ModelRegisteredData.model_validate(_lower_keys(data))
    except ValidationError as error:
        raise EventGridError(_first(error)) from error


def parse_run_changed(data: Any) -> RunChangedData:
    """Raises EventGridError."""
    try:
        return RunChangedData.model_validate(_lower_keys(data))
    except ValidationError as error:
        raise EventGridError(_first(error)) from error


def _lower_keys(data: Any) -> dict[str, Any]:
    if not isinstance(data, Mapping):
        raise EventGridError(f"data is {type(data).__name__}, an object was expected")
    return {str(key).lower(): value for key, value in data.items()}


def _first(error: ValidationError) -> str:
    problem = error.errors()[0]
    where = ".".join(str(part) for part in problem["loc"])
    return f"data.{where}: {problem['msg']}"
