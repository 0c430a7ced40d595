"""A name that no asset and no job can have is never asked for: Azure would be asked for something else."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.adapters.azure_ml.assets import AzureMlAssets
from shared.adapters.azure_ml.environments import AzureMlEnvironments
from shared.adapters.azure_ml.training import _Assets
from shared.adapters.azure_ml.training_jobs import AzureMlTrainingJobs
from shared.application.errors import PlatformRefused

DEV = "dev-ml-workspace"


class _Scope:
    registry = "shared"
    dev_workspace = DEV

    def check_dev(self, workspace: str) -> None:
        assert workspace == DEV


class _Clients:
    """Clients that must not be asked."""

    scope = _Scope()
    credential = None

    def shared(self, workspace: str) -> Any:
        raise AssertionError(f"{workspace} was asked")

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was asked")


CLIENTS: Any = _Clients()
GETS: dict[str, Callable[[str, str], object]] = {
    "a model": lambda name, version: AzureMlAssets(CLIENTS).get_model(DEV, name, version),
    "an environment of the registry": lambda name, version: AzureMlEnvironments(CLIENTS).get("", name, version),
    "a trained model": lambda name, version: _Assets(CLIENTS, CLIENTS).get_model(name, version),
    "data": lambda name, version: _Assets(CLIENTS, CLIENTS).get_data(name, version),
    "the data of a job": lambda name, version: AzureMlTrainingJobs(CLIENTS).data_input(f"{name}/{version}") or None,
}
PROMOTES: dict[str, Callable[[str, str], object]] = {
    "a model": lambda name, version: AzureMlAssets(CLIENTS).promote_model(DEV, name, version, name),
    "a model by another name": lambda name, version: AzureMlAssets(CLIENTS).promote_model(DEV, "a", version, name),
    "an environment": lambda name, version: AzureMlAssets(CLIENTS).promote_environment(DEV, name, version),
}
ODD = [("..", "1"), ("a", ".."), ("../x", "1"), ("%2e%2e", "1"), ("a", "1/../../x"), ("a", "")]


@pytest.mark.parametrize("get", GETS.values(), ids=GETS)
@pytest.mark.parametrize(("name", "version"), ODD)
def test_nobody_is_asked_for_a_name_that_could_lead_elsewhere(
    get: Callable[[str, str], object], name: str, version: str
) -> None:
    """It is not there."""
    assert get(name, version) is None


@pytest.mark.parametrize("promote", PROMOTES.values(), ids=PROMOTES)
@pytest.mark.parametrize(("name", "version"), ODD)
def test_nothing_is_shared_under_such_a_name(promote: Callable[[str, str], object], name: str, version: str) -> None:
    """Trying again does not help."""
    with pytest.raises(PlatformRefused):
        promote(name, version)
