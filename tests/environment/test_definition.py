"""The environment's definition says what is really in it."""

import re
import subprocess
import sys
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import yaml
from azure.ai.ml import load_environment
from sensor_model import __version__

from shared.adapters.config.files import load_fleet, load_policies
from tests.environment.conftest import ENVIRONMENT, REPOSITORY

REQUIRED_TAGS = {  # R-ENV-4
    "backward_compatible",
    "requires_retrain",
    "tensorflow_version",
    "python_version",
    "source_code_version",
    "change_summary",
    "breaking_changes",
    "git_commit_sha",
    "registered_at",
    "registered_by",
    "pr_number",
    "cuda_version",
    "openmpi_version",
}


def definition() -> dict[str, Any]:
    return dict(yaml.safe_load((ENVIRONMENT / "custom_tf_env.yml").read_text(encoding="utf-8")))


def pinned(package: str) -> str:
    text = (ENVIRONMENT / "requirements.txt").read_text(encoding="utf-8")
    found = re.search(rf"^{package}==(\S+)", text, re.MULTILINE)
    assert found, f"{package} is not in environment/requirements.txt"
    return found[1]


def test_what_job_workers_import_in_advance_is_there() -> None:
    """A name that is not would make every job of the version start cold."""
    assert [name for name in definition()["tags"]["warm_imports"].split() if find_spec(name) is None] == []


def test_azure_ml_accepts_the_definition() -> None:
    """The real client loads it, with its build context."""
    environment = load_environment(ENVIRONMENT / "custom_tf_env.yml")
    assert (environment.name, environment.version) == ("custom-tf-env", "1.5.0")
    assert environment.build is not None
    assert environment.build.dockerfile_path == "Dockerfile"


def test_every_required_tag_is_there_as_text() -> None:
    """Tags of Azure ML are strings; a missing one would break the classification of a release."""
    tags = definition()["tags"]
    assert set(tags) == REQUIRED_TAGS | {"reads_mltable", "warm_imports"}
    assert all(isinstance(value, str) for value in tags.values())
    assert tags["backward_compatible"] in ("true", "false")
    assert tags["requires_retrain"] in ("true", "false")
    assert tags["change_summary"]


def test_tags_name_the_versions_that_are_shipped() -> None:
    """Of the code, of TensorFlow and of Python."""
    content = definition()
    assert content["tags"]["source_code_version"] == content["version"] == __version__
    assert content["tags"]["tensorflow_version"] == pinned("tensorflow")
    conda = yaml.safe_load((ENVIRONMENT / "conda.yml").read_text(encoding="utf-8"))
    assert f"python={content['tags']['python_version']}" in conda["dependencies"]


def test_the_environment_is_tested_with_the_versions_it_ships() -> None:
    """What passes here is what runs there."""
    for package in ("tensorflow", "deltalake", "pyarrow", "numpy", "pyyaml"):
        assert version(package) == pinned(package)


def test_the_sample_fleet_uses_this_environment() -> None:
    """Name and version are the same in the policy, in every circuit's file and in the definition."""
    content = definition()
    fleet = load_fleet(REPOSITORY / "config")
    assert {circuit.training.environment_version for circuit in fleet.circuits} == {content["version"]}
    policies = load_policies(REPOSITORY / "config" / "policies.yml")
    assert policies.deployment.environment_name == content["name"]


def test_reading_data_does_not_load_tensorflow() -> None:
    """Only what trains or scores pays for it."""
    code = "import sys, sensor_model.data, sensor_model.score, sensor_model.train; print('tensorflow' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "False"
