"""The generated JSON Schemas are those of the models."""

import json
from pathlib import Path

import pytest

from shared.contracts.config.schema import SCHEMA_DIR, main, stale
from tests.config.conftest import REPOSITORY


def test_the_schemas_in_the_repository_are_current() -> None:
    """Run `python -m shared.contracts.config.schema` after changing a model."""
    assert SCHEMA_DIR == REPOSITORY / "config" / "schema"
    assert stale(SCHEMA_DIR) == []


def test_check_fails_on_a_stale_schema_and_names_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What continuous integration shows is what to run."""
    assert main(["--directory", str(tmp_path)]) == 0
    assert main(["--check", "--directory", str(tmp_path)]) == 0
    (tmp_path / "circuit.schema.json").write_text("{}", encoding="utf-8")
    (tmp_path / "policies.schema.json").unlink()
    assert main(["--check", "--directory", str(tmp_path)]) == 1
    assert capsys.readouterr().err == (
        "not current: circuit.schema.json, policies.schema.json. Run: python -m shared.contracts.config.schema\n"
    )


def test_the_schema_of_a_circuit_carries_ranges_and_refuses_unknown_keys() -> None:
    """An editor can warn before anything is loaded."""
    schema = json.loads((SCHEMA_DIR / "circuit.schema.json").read_text(encoding="utf-8"))
    assert schema["additionalProperties"] is False
    length = schema["$defs"]["Hyperparameters"]["properties"]["sequence_length"]
    assert (length["minimum"], length["maximum"]) == (2, 1000)
    assert schema["$defs"]["Training"]["properties"]["cutoff_date"]["format"] == "date"
