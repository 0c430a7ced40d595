"""What becomes part of an address of Azure cannot lead elsewhere."""

import pytest

from shared.domain.names import can_be_asset, can_be_job

ODD = [
    "",
    "..",
    ".",
    "../x",
    "a/..",
    "a/b",
    "%2e%2e",
    "a%2fb",
    "a?b",
    "a#b",
    "a b",
    "a\n",
    "a\\b",
    "\x00",
    "ä",
    "a:b",
    "x" * 256,
]


@pytest.mark.parametrize("odd", ODD)
def test_a_name_or_a_version_that_could_lead_elsewhere_names_nothing(odd: str) -> None:
    assert not can_be_asset(odd, "1")
    assert not can_be_asset("a", odd)
    assert not can_be_job(odd)


@pytest.mark.parametrize("version", ["1", "1.5.0", "2026-01-31", "a" * 30])
@pytest.mark.parametrize("name", ["sensor_model_P001_C001", "custom-tf-env", "a..b", "A" * 255])
def test_names_and_versions_of_azure_ml_are_such(name: str, version: str) -> None:
    assert can_be_asset(name, version)
    assert can_be_job(name)
