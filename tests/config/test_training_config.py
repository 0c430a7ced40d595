"""Section `training` of the policies, and what the deployed configuration says about a circuit."""

from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from shared.adapters.config.files import ConfigError, load_policies
from shared.adapters.config.training import limits_of
from shared.contracts.config.training import TrainingPolicy
from shared.domain.training.limits import TrainingLimits
from tests.support.configuration import configured

CONFIG = Path(__file__).parents[2] / "config"


def test_the_fleets_own_policy_is_the_references() -> None:
    """At most five at once, one more try, more than five failures in 24 hours; the domain's defaults are the same."""
    config = configured(CONFIG).training
    assert config.plan().limits == limits_of(TrainingPolicy()) == TrainingLimits()
    assert (config.plan().limits.parallel_max, config.plan().limits.failures_max) == (5, 5)
    assert config.model_name("P001", "C001") == "sensor_model_P001_C001"
    assert config.plan().groups == ("ML-Engineers",)


def test_a_circuit_is_asked_for_as_its_file_says() -> None:
    config = configured(CONFIG).training
    request = config.circuit("P001", "C001")
    assert request is not None
    text = (CONFIG / "plants" / "P001" / "C001.yml").read_text()
    assert request.config_yaml == text
    assert request.hyperparameters == yaml.safe_load(text)["training"]["hyperparameters"]
    assert (request.sensor_id, request.pr_number, request.commit) == ("SENSOR_P001_C001", "MANUAL", "")
    assert config.circuit("P001", "C999") is None
    assert config.circuit("..", "policies") is None


def test_a_group_that_nobody_defined_may_not_train(tmp_path: Path) -> None:
    policies = yaml.safe_load((CONFIG / "policies.yml").read_text())
    policies["training"]["groups"] = ["ML-Engineers", "Nobody"]
    (tmp_path / "policies.yml").write_text(yaml.safe_dump(policies))
    with pytest.raises(ConfigError, match=r"training\.groups\[1\]"):
        load_policies(tmp_path / "policies.yml")


@pytest.mark.parametrize("field", [{"parallel_max": 0}, {"job_limit_h": 0}, {"compute": "a b"}, {"other": 1}])
def test_a_limit_that_would_stop_training_or_never_end_it_is_refused(field: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TrainingPolicy.model_validate(field)
