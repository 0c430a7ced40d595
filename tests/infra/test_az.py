"""The commands of the Azure CLI in pages and hooks are such as its parser takes."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.check import az

TABLE: dict[str, Any] = json.loads(az.TABLE.read_text())


def test_every_command_is_one_that_the_azure_cli_takes() -> None:
    assert az.problems(TABLE) == []


def test_there_are_commands_to_look_at() -> None:
    read = [each for path in az.sources() for each in az.commands(path)]

    assert len(read) > 40
    assert {"docs/deploying.md", "infra/hooks/register_api.sh"} <= {each.file for each in read}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("az group make --name g", "there is no such command"),
        ("az group create --nmae g --location l", "it takes no --nmae"),
        ("az group create --name g", "it needs"),
        ("az group create g --name g --location l", "it takes no word like g"),
    ],
)
def test_a_wrong_command_is_found(written: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "README.md").write_text(f"```\n{written}\n```\n")

    assert any(said in each for each in az.problems(TABLE, tmp_path))
