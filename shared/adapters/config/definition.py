"""What the environment's definition may say of its build: nothing but files of its own folder, which its digest names.

An image, a conda file, an address or a path elsewhere would put into a version what no commit has, and pins that are
read from the folder would say nothing of it.
"""

from collections.abc import Container, Iterator, Mapping
from pathlib import PurePosixPath

from shared.adapters.config.strict_yaml import Document
from shared.domain.changes.circuits import ConfigProblem
from shared.domain.names import ASSET_NAME, can_be_asset

_KNOWN = ("$schema", "name", "version", "description", "tags", "build")
_BUILD = ("path", "dockerfile_path")
_WHOLE = (".", "./")
DOCKERFILE = "Dockerfile"


def build_problems(document: Document, files: Container[str]) -> Iterator[ConfigProblem]:
    """Every mistake of the definition about what is built; `files` are those of its folder, by their path in it."""
    value = document.value if isinstance(document.value, Mapping) else {}
    if isinstance(name := value.get("name"), str) and not can_be_asset(name, "1"):
        yield document.problem(("name",), "no name of an environment", f"write one that fits {ASSET_NAME}")
    for key in value:
        if key not in _KNOWN:
            reason = "it is not in the files that the version's digest names, or nobody reads it"
            yield document.problem((key,), reason, f"take it out: {DOCKERFILE} says what the image holds")
    build = value.get("build")
    if not isinstance(build, Mapping):
        yield document.problem(("build",), "no mapping of a build", f"write path: . and dockerfile_path: {DOCKERFILE}")
        return
    for key in build:
        if key not in _BUILD:
            yield document.problem(("build", key), "not known here", "take it out")
    if build.get("path", ".") not in _WHOLE:
        reason = "another folder than this one, all of whose files are registered"
        yield document.problem(("build", "path"), reason, "write . and move the files here")
    dockerfile = build.get("dockerfile_path", DOCKERFILE)
    if not isinstance(dockerfile, str) or str(PurePosixPath(dockerfile)) not in files:
        yield document.problem(("build", "dockerfile_path"), "no file of this folder", f"write {DOCKERFILE}")
