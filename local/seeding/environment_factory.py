"""Versions of the fleet's environment, registered in the dev workspace as a pipeline would do it: code, tags, client.

A version is a copy of environment/ with a change in its code. The copy lies in the data directory, so that people can
compare the two.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from local.identity.people import user_name
from local.seeding.fleet_config import ENVIRONMENT_VERSION
from local.seeding.model_factory import ENVIRONMENT_FILE, SHA_DIGITS, ModelFactory
from local.seeding.uploads import quiet_uploads
from local.supervisor.cloud import CloudError
from local.supervisor.settings import REGISTRY

if TYPE_CHECKING:
    from azure.ai.ml.entities import Environment

MAKER = user_name("trainer")


@dataclass(frozen=True, kw_only=True)
class CodeChange:
    """A new version: in `file` of the environment's folder, `before` becomes `after`."""

    version: str
    summary: str
    pull_request: str
    file: str = ""
    before: str = ""
    after: str = ""


FIRST = CodeChange(
    version=ENVIRONMENT_VERSION,
    summary="Reads only a circuit's own rows of the sensor table",
    pull_request="PR-1200",
)
"""What environment/ holds, unchanged."""

CLEARER_LOG = CodeChange(
    version="1.5.1",
    summary="Says in the log which features a model reads",
    pull_request="PR-1234",
    file="sensor_model/score.py",
    before='    log.info("loaded %s, version %s, environment %s", metadata.name, job.model_version, __version__)\n',
    after="""\
    log.info(
        "loaded %s, version %s, environment %s, reading %s",
        metadata.name, job.model_version, __version__, ", ".join(metadata.features),
    )
""",
)

COLUMN_BY_COLUMN = CodeChange(
    version="1.5.2",
    summary="Scales column by column to save memory",
    pull_request="PR-1240",
    file="sensor_model/features.py",
    before="        scaled: Floats = (values - np.array(self.mean)) / np.array(self.std)\n        return scaled\n",
    after="""\
        temperature, pressure, vibration = np.moveaxis(values, -1, 0)
        columns = zip((temperature, pressure, vibration), self.mean, self.std, strict=True)
        scaled: Floats = np.stack([(column - mean) / std for column, mean, std in columns], axis=-1)
        return scaled
""",
)
"""Looks harmless and is, except for a model with other than three features."""


class EnvironmentFactory:
    """Makes versions in a folder, and registers them with the client of a `ModelFactory`."""

    def __init__(self, factory: ModelFactory, folder: Path) -> None:
        self._factory = factory
        self._folder = folder

    def register(self, change: CodeChange) -> str:
        """Register the version in dev unless it is there; returns `name:version`."""
        from azure.ai.ml import load_environment
        from azure.core.exceptions import ResourceNotFoundError

        wanted = load_environment(write_version(self._folder / change.version, change))
        environments = self._factory.workspace().environments
        try:
            environments.get(str(wanted.name), str(wanted.version))
        except ResourceNotFoundError:
            with quiet_uploads():
                environments.create_or_update(wanted)
        return f"{wanted.name}:{wanted.version}"

    def share(self, change: CodeChange) -> str:
        """Share the version to the registry unless it is there; returns its id in the registry."""
        from azure.ai.ml import load_environment
        from azure.core.exceptions import ResourceExistsError

        wanted = load_environment(ENVIRONMENT_FILE)
        try:
            shared: Environment = self._factory.workspace().environments.share(
                str(wanted.name), change.version,
                share_with_name=str(wanted.name), share_with_version=change.version, registry_name=REGISTRY,
            )  # fmt: skip
        except ResourceExistsError:
            return registry_id("environments", str(wanted.name), change.version)
        return registry_id("environments", str(shared.name), str(shared.version))


def registry_id(kind: str, name: str, version: str) -> str:
    """How a deployment refers to an asset of the registry."""
    return f"azureml://registries/{REGISTRY}/{kind}/{name}/versions/{version}"


def write_version(folder: Path, change: CodeChange) -> Path:
    """Copy environment/ to `folder` with the change and the tags of a registration; returns the definition's path.

    Raises `CloudError` when what the change replaces is not there exactly once.
    """
    definition = folder / ENVIRONMENT_FILE.name
    if definition.is_file():
        return definition
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ENVIRONMENT_FILE.parent, folder, ignore=shutil.ignore_patterns("__pycache__", definition.name))
    if change.file:
        _replace(folder / change.file, re.escape(change.before), change.after)
    _replace(folder / "sensor_model" / "__init__.py", r'__version__ = "[^"]*"', f'__version__ = "{change.version}"')
    content = yaml.safe_load(ENVIRONMENT_FILE.read_text())
    content["version"] = change.version
    content["tags"] |= {
        "source_code_version": change.version,
        "change_summary": change.summary,
        "git_commit_sha": _digest_of(folder),  # there is no commit here: the digest of the files stands for it
        "registered_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "registered_by": MAKER,
        "pr_number": change.pull_request,
    }
    definition.write_text(yaml.safe_dump(content, sort_keys=False))
    return definition


def _replace(file: Path, pattern: str, replacement: str) -> None:
    text, count = re.subn(pattern, lambda _: replacement, file.read_text())
    if count != 1:
        raise CloudError(f"{file.name} should hold once what a version changes, and holds it {count} times.")
    file.write_text(text)


def _digest_of(folder: Path) -> str:
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{file.relative_to(folder).as_posix()}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:SHA_DIGITS]
