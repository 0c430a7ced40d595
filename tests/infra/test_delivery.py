"""How the app itself is published: checked first, signed in without a secret, smoke-tested, put back where it fails."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra.rendered import REPOSITORY

CI = REPOSITORY / "docs" / "ci"
WAYS = ("github.yml", "azure-pipelines.yml")
SCRIPTS = sorted((REPOSITORY / "infra" / "hooks").glob("*.sh"))


def github() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((CI / "github.yml").read_text())["jobs"]
    return read


@pytest.mark.parametrize("way", WAYS)
def test_every_script_that_is_called_is_there(way: str) -> None:
    text = (CI / way).read_text()
    called = re.findall(r"(?:infra/hooks/\w+\.sh|\.ci/run)", text)

    assert {"infra/hooks/package.sh", "infra/hooks/publish.sh", ".ci/run"} == set(called)
    assert all((REPOSITORY / each).is_file() for each in called)


@pytest.mark.parametrize("way", WAYS)
def test_no_pipeline_holds_or_asks_for_a_secret(way: str) -> None:
    text = (CI / way).read_text().lower()

    assert not re.search(r"secrets\.|client[-_]secret|password|publish-?profile|\bpat\b", text)


def test_github_signs_in_by_a_token_of_its_own_and_only_where_it_has_to() -> None:
    jobs = github()

    assert {name for name, job in jobs.items() if job.get("permissions", {}).get("id-token") == "write"} == {
        "look",
        "publish",
    }
    assert jobs["publish"]["needs"] == "check"
    assert jobs["publish"]["environment"] == "production"


def test_azure_devops_publishes_after_the_checks_and_after_somebody_said_yes() -> None:
    stages = {each["stage"]: each for each in yaml.safe_load((CI / "azure-pipelines.yml").read_text())["stages"]}

    assert stages["publish"]["dependsOn"] == "check"
    assert stages["publish"]["jobs"][0]["environment"] == "production"


@pytest.mark.parametrize("way", WAYS)
def test_the_release_before_is_put_back_where_the_new_one_does_not_answer(way: str) -> None:
    text = (CI / way).read_text()

    assert text.index("app.zip") < text.index("before=$(git describe --tags") < text.rindex("publish.sh")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_is_one_that_a_shell_can_read_and_run(script: Path) -> None:
    read = subprocess.run(["sh", "-n", str(script)], capture_output=True, text=True)

    assert (read.returncode, read.stderr) == (0, "")
    assert script.stat().st_mode & 0o111
    assert "set -eu" in script.read_text()


def test_publishing_fails_where_another_release_answers(tmp_path: Path) -> None:
    """The smoke test is the version itself: `az` and `curl` stand in for Azure, and nobody waits."""
    for name, body in {
        "az": 'case "$*" in *defaultHostName*) echo app.example ;; esac',
        "curl": 'echo \'{"status": "ok", "version": "0.2.0"}\'',
        "sleep": "",
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    script = str(REPOSITORY / "infra" / "hooks" / "publish.sh")

    def published(version: str) -> int:
        command = ["sh", script, "group", "app", "app.zip", version]
        return subprocess.run(command, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True).returncode

    assert (published("0.2.0"), published("0.3.0")) == (0, 1)
