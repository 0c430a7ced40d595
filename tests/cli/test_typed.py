"""Whoever pastes what the command prints runs the same command again."""

import sys
from pathlib import Path

from cli.typed import as_typed


def a_script(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "switchyard"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    return script


def test_an_installed_command_that_the_shell_finds_is_called_by_its_name(tmp_path: Path) -> None:
    """A link to it, as pipx makes one, leads to the same file."""
    script = a_script(tmp_path / "installed")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "switchyard").symlink_to(script)

    assert as_typed(str(script), sys.executable, tmp_path, str(tmp_path / "bin")) == "switchyard"


def test_one_that_the_shell_does_not_find_is_called_by_its_path(tmp_path: Path) -> None:
    """Relative where it is below the folder one is in; another command of the same name does not count."""
    script, other = a_script(tmp_path / "checkout" / ".venv" / "bin"), a_script(tmp_path / "other")

    assert as_typed(str(script), sys.executable, tmp_path / "checkout", str(other.parent)) == ".venv/bin/switchyard"
    assert as_typed(str(script), sys.executable, tmp_path / "other", str(tmp_path)) == str(script)


def test_one_in_a_folder_with_a_blank_is_quoted(tmp_path: Path) -> None:
    script = a_script(tmp_path / "my tools")

    assert as_typed(str(script), sys.executable, tmp_path, "") == "'my tools/switchyard'"


def test_a_module_that_was_run_is_run_with_the_same_interpreter(tmp_path: Path) -> None:
    """`python` alone is often another one, without what the command needs."""
    python = tmp_path / ".venv" / "bin" / "python"

    assert as_typed("/anywhere/cli/__main__.py", str(python), tmp_path, "") == ".venv/bin/python -m cli"


def test_what_is_started_by_something_else_goes_by_its_name(tmp_path: Path) -> None:
    assert as_typed("/usr/bin/pytest", sys.executable, tmp_path, "") == "switchyard"
