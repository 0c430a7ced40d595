"""EnvironmentRegistry on the dev workspace of Azure ML: the files of a commit become an environment version.

The definition in the repository says how it is built; its tags are replaced by those of the registration. The files go
to a place that their content names, so that two at once write the same. They are not left to the client, which waits
for ever when the upload of one file fails (1.35.2, `upload_directory` without a progress bar).
"""

import hashlib
import logging
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError

from shared.adapters.azure_ml.blobstore import WorkspaceBlobs
from shared.adapters.azure_ml.clients import AzureMlClients
from shared.adapters.azure_ml.environments import registered_environment
from shared.adapters.azure_ml.errors import translated
from shared.adapters.config.definition import build_problems
from shared.adapters.config.strict_yaml import parse
from shared.application.changes.ports import Registration
from shared.application.errors import PlatformOutcomeUnknown, PlatformRefused
from shared.application.platform_ports import RegisteredEnvironment
from shared.contracts.config.files import ConfigError
from shared.domain.changes.environment import DEFINITION

log = logging.getLogger(__name__)

DEFINITION_NAME = PurePosixPath(DEFINITION).name


class AzureMlEnvironmentRegistry:
    """Blocking calls of the client run in the pool of the clients."""

    def __init__(self, clients: AzureMlClients) -> None:
        self._clients = clients
        self._blobs = WorkspaceBlobs(clients.dev, clients.credential)
        self.get = clients.pooled(self._get)
        self.register = clients.pooled(self._register)

    def _get(self, name: str, version: str) -> RegisteredEnvironment | None:
        try:
            return registered_environment(self._clients.dev().environments.get(name, version))
        except ResourceNotFoundError:
            return None
        except AzureError as error:
            raise translated(error, f"environment {name}:{version} could not be read") from error

    def _register(self, registration: Registration) -> RegisteredEnvironment:
        there = self._get(registration.name, registration.version)
        if there:
            return there
        what = f"environment {registration.name}:{registration.version} could not be registered"
        environment = _loaded(registration, what)
        try:
            environment.build.path = self._uploaded(registration)
            environment.path = None
            environment.tags = dict(registration.tags)
            self._clients.dev().environments.create_or_update(environment)
        except ResourceExistsError:
            log.info("environment %s:%s was registered meanwhile", registration.name, registration.version)
        except AzureError as error:
            raise translated(error, what, sent=True) from error
        registered = self._get(registration.name, registration.version)
        if registered is None:
            raise PlatformOutcomeUnknown(f"{what}: it was sent, and it is not there yet")
        return registered

    def _uploaded(self, registration: Registration) -> str:
        """The address of the folder with the files."""
        folder = f"environments/{registration.name}/{registration.version}/{_digest(registration.files)}/"
        for path, content in registration.files.items():
            self._blobs.write(folder + path, content)
        return self._blobs.address(folder)


def _digest(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path}\0{len(files[path])}\0".encode() + files[path])
    return digest.hexdigest()


def written(folder: Path, registration: Registration) -> Path:
    """The files below `folder`; returns the definition. Raises PlatformRefused for a path that leads elsewhere."""
    for path, content in registration.files.items():
        parts = PurePosixPath(path).parts
        if not parts or path.startswith("/") or "\\" in path or {"..", ".", ".git"} & set(parts):
            raise PlatformRefused(f"{path!r} is no path of a file in environment/")
        file = folder.joinpath(*parts)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return folder / DEFINITION_NAME


def _check(registration: Registration, what: str) -> None:
    """Nothing but the files of the registration becomes the version; the client would follow paths out of them."""
    try:
        document = parse(registration.files.get(DEFINITION_NAME, b""), DEFINITION)
    except ConfigError as error:
        problems = list(error.problems)
    else:
        said = document.value if isinstance(document.value, dict) else {}
        problems = list(build_problems(document, registration.files))
        if (said.get("name"), said.get("version")) != (registration.name, registration.version):
            problems.append(document.problem((), "another name or version than is registered", "merge it again"))
    if problems:
        told = "; ".join(f"{each.field or 'the file'}: {each.reason}" for each in problems)
        raise PlatformRefused(f"{what}: {DEFINITION} is not understood: {told[:300]}")


def _loaded(registration: Registration, what: str) -> Any:
    """The client's reading of the definition. It raises errors of many kinds for one that it does not understand."""
    from azure.ai.ml import load_environment
    from azure.ai.ml.exceptions import MlException
    from marshmallow import ValidationError

    _check(registration, what)
    try:
        with tempfile.TemporaryDirectory(prefix="environment-") as folder:
            return load_environment(written(Path(folder) / "environment", registration))
    except (MlException, ValidationError, ValueError, TypeError, OSError) as error:
        raise PlatformRefused(
            f"{what}: {DEFINITION} is not understood: {' '.join(str(error).split())[:300]}"
        ) from error
