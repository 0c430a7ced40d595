"""The fleet's configuration: `config/plants_circuits.yml` and `config/plants/<plant_id>/<circuit_id>.yml`.

Format: R-FLEET-6, R-FLEET-7. Ids, names and ranges are as strict as the first platform limit they meet, so that a
mistake shows when the file is read and not when a release is half done.
"""

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, field_validator
from pydantic_core import PydanticCustomError

from shared.contracts.base import in_bounds

PLANTS_MAX = 2000
"""Plants in a fleet; R-FLEET-1 asks for 15 to 20. The 256 KiB of the master list hold about 3,700 circuits."""

CIRCUITS_PER_PLANT_MAX = 100
"""Circuits of a plant. Azure ML allows 20 deployments per batch endpoint unless support raises it."""

RESERVED_COLUMNS = frozenset({"timestamp", "sensor_id", "date"})
"""Columns of the sensor table that are keys, not features (R-DATA-1)."""

_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _iso_date(value: object) -> object:
    """Turn `YYYY-MM-DD` into a date; strict models do not do it themselves."""
    if not isinstance(value, str):
        return value
    try:
        if _ISO_DATE.fullmatch(value):
            return in_bounds(date.fromisoformat(value))
    except ValueError:
        pass  # the right shape, but no such day: the error below says it
    raise PydanticCustomError("iso_date", "not a calendar day written YYYY-MM-DD")


IsoDate = Annotated[
    date,
    BeforeValidator(_iso_date, json_schema_input_type=Annotated[str, Field(json_schema_extra={"format": "date"})]),
]

PlantId = Annotated[
    str, Field(pattern=r"^P[0-9]{3,6}$", description='plant id: P and 3 to 6 digits, for example "P001"')
]
CircuitId = Annotated[
    str, Field(pattern=r"^C[0-9]{3,6}$", description='circuit id: C and 3 to 6 digits, for example "C001"')
]
DisplayName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f<>]*$"),
    Field(description="name for people, 1 to 80 characters on one line, without < and >"),
]
SemanticVersionText = Annotated[
    str,
    StringConstraints(pattern=r"^(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})$"),
    Field(description='version MAJOR.MINOR.PATCH in quotes, for example "1.5.0"'),
]
ColumnName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$"),
    Field(description="column name: small letters, digits and _, letter first, at most 63 characters"),
]


InstanceType = Annotated[
    str,
    StringConstraints(pattern=r"^Standard_[A-Za-z0-9_]{1,40}$"),
    Field(description='Azure VM size, for example "Standard_DS3_v2"'),
]


class ConfigModel(BaseModel):
    """What every section of a configuration file has in common: exact types, no unknown keys, no change."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Hyperparameters(ConfigModel):
    """How a circuit's LSTM is built and trained."""

    sequence_length: int = Field(ge=2, le=1000, description="rows the model looks back, 2 to 1000")
    lstm_units: int = Field(ge=1, le=1024, description="units of the LSTM layer, 1 to 1024")
    dropout: float = Field(ge=0, lt=1, description="share of units dropped in training, from 0 to below 1")
    learning_rate: float = Field(gt=0, le=1, description="step size of the optimizer, above 0, at most 1")
    batch_size: int = Field(ge=1, le=4096, description="windows per training step, 1 to 4096")
    epochs: int = Field(ge=1, le=1000, description="passes over the training data, 1 to 1000")


class DataFilters(ConfigModel):
    """Which rows and columns of the sensor table belong to the circuit."""

    sensor_id: str = Field(
        pattern=r"^SENSOR_P[0-9]{3,6}_C[0-9]{3,6}$",
        description='sensor of the circuit: SENSOR_<plant_id>_<circuit_id>, for example "SENSOR_P001_C001"',
    )
    feature_columns: tuple[ColumnName, ...] = Field(
        strict=False,
        min_length=1,
        max_length=64,
        description="1 to 64 different feature columns of the sensor table",
    )

    @field_validator("feature_columns")
    @classmethod
    def _different_and_free(cls, columns: tuple[str, ...]) -> tuple[str, ...]:
        twice = sorted({name for name in columns if columns.count(name) > 1})
        if twice:
            raise PydanticCustomError("column_twice", "listed more than once: {names}", {"names": ", ".join(twice)})
        reserved = sorted(RESERVED_COLUMNS.intersection(columns))
        if reserved:
            raise PydanticCustomError(
                "column_reserved", "keys of the table, not features: {names}", {"names": ", ".join(reserved)}
            )
        return columns


class Training(ConfigModel):
    """What a circuit's model is trained on and with."""

    cutoff_date: IsoDate = Field(
        description='last day of training data, YYYY-MM-DD in quotes, for example "2025-12-09"'
    )
    environment_version: SemanticVersionText
    hyperparameters: Hyperparameters
    data_filters: DataFilters


class CircuitDeployment(ConfigModel):
    """How a circuit's deployment runs."""

    compute_instance_type: InstanceType
    mini_batch_size: int = Field(ge=1, le=1000, description="input files per mini-batch, 1 to 1000")


class CircuitConfig(ConfigModel):
    """One circuit: `config/plants/<plant_id>/<circuit_id>.yml`."""

    plant_id: PlantId
    circuit_id: CircuitId
    training: Training
    deployment: CircuitDeployment


class CircuitEntry(ConfigModel):
    """One circuit's line in the master list."""

    circuit_id: CircuitId
    circuit_name: DisplayName


class PlantEntry(ConfigModel):
    """One plant of the master list."""

    plant_id: PlantId
    plant_name: DisplayName
    criticality: Literal["high", "normal", "low"] = Field(
        default="normal", description="high, normal or low: gates of critical plants are shown first"
    )
    circuits: tuple[CircuitEntry, ...] = Field(
        strict=False,
        min_length=1,
        max_length=CIRCUITS_PER_PLANT_MAX,
        description=f"the plant's circuits, 1 to {CIRCUITS_PER_PLANT_MAX}",
    )


class MasterList(ConfigModel):
    """All plants and circuits: `config/plants_circuits.yml`."""

    plants: tuple[PlantEntry, ...] = Field(
        strict=False, min_length=1, max_length=PLANTS_MAX, description=f"the plants, 1 to {PLANTS_MAX}"
    )


class UnknownCircuitError(LookupError):
    """The fleet has no such circuit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetConfig:
    """Every circuit's configuration, in the order of the master list; it never changes."""

    plants: tuple[PlantEntry, ...]
    circuits: tuple[CircuitConfig, ...]
    _by_id: dict[tuple[str, str], CircuitConfig] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_id = {(circuit.plant_id, circuit.circuit_id): circuit for circuit in self.circuits}
        object.__setattr__(self, "_by_id", by_id)

    def circuit(self, plant_id: str, circuit_id: str) -> CircuitConfig:
        """The configuration of one circuit; UnknownCircuitError when it is not in the fleet."""
        try:
            return self._by_id[plant_id, circuit_id]
        except KeyError:
            raise UnknownCircuitError(
                f"no circuit {plant_id}/{circuit_id} in the fleet: add it to config/plants_circuits.yml "
                f"and as config/plants/{plant_id}/{circuit_id}.yml"
            ) from None

    def name_of(self, plant_id: str, circuit_id: str) -> str:
        """What people call one circuit; UnknownCircuitError when it is not in the fleet."""
        for plant in self.plants:
            for entry in plant.circuits:
                if (plant.plant_id, entry.circuit_id) == (plant_id, circuit_id):
                    return f"{entry.circuit_name} in {plant.plant_name}"
        raise UnknownCircuitError(f"no circuit {plant_id}/{circuit_id} in the fleet")

    def __contains__(self, key: object) -> bool:
        """Whether the pair (plant_id, circuit_id) is in the fleet."""
        return key in self._by_id

    def __len__(self) -> int:
        """How many circuits the fleet has."""
        return len(self.circuits)
