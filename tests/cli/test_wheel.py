"""The command is installed from a wheel that holds what it imports, and asks for nothing of the app."""

import os
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import distribution, distributions
from pathlib import Path
from typing import Any

import grimp
import pytest
from packaging.requirements import Requirement
from setuptools import find_packages

from shared.contracts.http.releases import ReleaseList
from tests.cli.conftest import TOKEN, App, summary, view
from tests.docs.pages import REPOSITORY

NAMES = {"pydantic_core": "pydantic", "yaml": "pyyaml"}
"""Modules that are called otherwise than the package that one asks for to have them."""


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text())


@pytest.fixture(scope="module")
def reached() -> set[str]:
    """Every module that the command imports, now or when a command is called."""
    graph = grimp.build_graph("cli", "shared", include_external_packages=True, cache_dir=None)
    own = {name for name in graph.modules if name.split(".")[0] == "cli"}
    return own.union(*(graph.find_upstream_modules(name) for name in own))


def test_the_wheel_holds_every_package_that_the_command_reaches(project: dict[str, Any], reached: set[str]) -> None:
    """One that is missing would be noticed by whoever installs it. Of the adapters, which are large, only those."""
    packages = {
        package
        for name in reached
        for package in (name, name.rpartition(".")[0])
        if package and (REPOSITORY / package.replace(".", "/") / "__init__.py").is_file()
    }
    held = set(find_packages(str(REPOSITORY), include=project["tool"]["setuptools"]["packages"]["find"]["include"]))

    assert packages <= held
    assert {name for name in held - packages if name.startswith("shared.adapters.")} == set()


def test_the_wheel_asks_for_what_the_command_imports(project: dict[str, Any], reached: set[str]) -> None:
    """Neither more nor less, so that an installation stays small and complete."""
    known = {"cli", "shared", *sys.stdlib_module_names}
    foreign = {name.split(".")[0] for name in reached} - known
    asked = {each.partition(">=")[0] for each in project["project"]["dependencies"]}

    assert asked == {NAMES.get(name, name) for name in foreign}


def test_what_was_installed_from_the_wheel_runs_from_anywhere(tmp_path: Path, server: App) -> None:
    """Built from a copy, into an environment of its own, that has what the wheel asks for and nothing else."""
    source, here = tmp_path / "source", tmp_path / "here"
    here.mkdir()
    for folder in ("cli", "shared"):
        shutil.copytree(REPOSITORY / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", source)
    _do(sys.executable, "-m", "uv", "build", "-q", "--wheel", "--no-build-isolation", "-o", str(tmp_path), str(source))
    python = tmp_path / "installed" / "bin" / "python"
    _do(sys.executable, "-m", "uv", "venv", "-q", "--python", sys.executable, str(python.parent.parent))
    wheel = str(next(tmp_path.glob("*.whl")))
    _do(sys.executable, "-m", "uv", "pip", "install", "-q", "--offline", "--no-deps", "--python", str(python), wheel)
    _link_dependencies(next((python.parent.parent / "lib").glob("*/site-packages")))
    server.on("GET /api/releases", ReleaseList(releases=[summary(view())]))
    switchyard = str(python.with_name("switchyard"))
    signed_in = {"SWITCHYARD_URL": server.url, "SWITCHYARD_TOKEN": TOKEN}

    helped = _do(switchyard, "--help", cwd=here)
    listed = _do(switchyard, "releases", "--json", cwd=here, **signed_in)
    checked = _do(switchyard, "config", "validate", str(REPOSITORY / "config"), cwd=here)
    refused = subprocess.run([switchyard, "local", "status"], cwd=here, capture_output=True, text=True, check=False)

    assert "Usage: switchyard" in helped
    assert "sensor-model-p001-c001-1-0a1b2c" in listed
    assert "no mistakes" in checked
    assert (refused.returncode, "source checkout" in refused.stderr) == (1, True)


def _link_dependencies(folder: Path) -> None:
    """What the wheel asks for, and what that asks for, as it is installed here: as from an index, without one."""
    waiting, seen = list(next(distributions(name="switchyard", path=[str(folder)])).requires or ()), set[str]()
    while waiting:
        wanted = Requirement(waiting.pop())
        if wanted.name in seen or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
            continue
        seen.add(wanted.name)
        found = distribution(wanted.name)
        waiting += found.requires or ()
        for top in {file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "__pycache__")}:
            if not (folder / top).exists():
                (folder / top).symlink_to(Path(str(found.locate_file(top))))


def _do(*words: str, cwd: Path = REPOSITORY, **variables: str) -> str:
    """What the command prints."""
    done = subprocess.run(words, cwd=cwd, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}{done.stderr}"
    return done.stdout
