"""Names that become part of an address of Azure: only these forms ever do, so that none leads elsewhere (`..`); and the
path of a circuit's file."""

import re

ASSET_NAME = r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}"
"""Of models, data and environments, as Azure Machine Learning takes it."""

ASSET_VERSION = r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,29}"

JOB_NAME = r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,254}"

_ASSET = re.compile(rf"{ASSET_NAME}:{ASSET_VERSION}")
_JOB = re.compile(JOB_NAME)


def can_be_asset(name: str, version: str) -> bool:
    """False for a text that cannot be the name of an asset: no request is needed to know that there is none."""
    return ":" not in name and _ASSET.fullmatch(f"{name}:{version}") is not None


def can_be_job(name: str) -> bool:
    """The same of jobs."""
    return _JOB.fullmatch(name) is not None


def file_of(circuit: str) -> str:
    """The file of a circuit ("P001-C001") in the repository."""
    plant_id, _, circuit_id = circuit.partition("-")
    return f"config/plants/{plant_id}/{circuit_id}.yml"
