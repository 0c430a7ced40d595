"""A copy of the repository's configuration that a test may spoil."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.adapters.config.files import load_fleet, load_policies
from shared.contracts.config.files import ConfigError
from shared.domain.changes.circuits import ConfigProblem

REPOSITORY = Path(__file__).resolve().parents[2]

CIRCUIT = "plants/P001/C001.yml"
MASTER = "plants_circuits.yml"
POLICIES = "policies.yml"


class ConfigTree:
    """A configuration directory with the ways a person changes it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace the first `old` of a file; the test is wrong if it is not there."""
        path = self.root / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {file}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def write(self, file: str, content: str | bytes) -> None:
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)

    def load(self) -> None:
        """Load everything there is in the directory."""
        load_fleet(self.root)
        load_policies(self.root / POLICIES)

    def problems(self) -> list[ConfigProblem]:
        """Everything that is wrong; none when the directory can be used."""
        found: list[ConfigProblem] = []
        loads: list[Callable[[], object]] = [
            lambda: load_fleet(self.root),
            lambda: load_policies(self.root / POLICIES),
        ]
        for load in loads:
            try:
                load()
            except ConfigError as error:
                found += error.problems
        return found

    def only_problem(self) -> ConfigProblem:
        problems = self.problems()
        assert len(problems) == 1, [str(problem) for problem in problems]
        return problems[0]


@pytest.fixture
def tree(tmp_path: Path) -> ConfigTree:
    """The repository's own configuration, copied."""
    shutil.copytree(REPOSITORY / "config", tmp_path / "config")
    return ConfigTree(tmp_path / "config")
