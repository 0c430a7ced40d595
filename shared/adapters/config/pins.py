"""Which versions the files of `environment/` pin: TensorFlow, Python, and the package that they ship.

`requirements.txt` is read as pip reads it (PEP 508, with `packaging`), `conda.yml` as conda does, `__version__` as
Python does. A version that is not pinned exactly, or in two ways, is not guessed: the pin says why.
"""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from shared.adapters.config.strict_yaml import parse
from shared.contracts.config.files import ConfigError
from shared.domain.changes.environment import CONDA, PACKAGE, REQUIREMENTS, Pin

FOLDER = "environment/"
DOCKERFILE = f"{FOLDER}Dockerfile"
INCLUDES_MAX = 20
ANY = "any version"

_TENSORFLOW = frozenset(
    {
        "tensorflow",
        "tensorflow-cpu",
        "tensorflow-gpu",
        "tensorflow-macos",
        "tensorflow-rocm",
        "tensorflow-aarch64",
        "tensorflow-intel",
        "intel-tensorflow",
        "tensorflow-base",
        "tf-nightly",
        "tf-nightly-cpu",
    }
)
"""The names under which TensorFlow itself is published, on PyPI and conda-forge."""

_CONTINUED = re.compile(r"\\\r?\n")
_OPTION = re.compile(r"\s--[a-z].*$")
_COMMENT = re.compile(r"(^|\s)#.*$")
_INCLUDE = re.compile(r"(?:-r|--requirement|-c|--constraint)[=\s]*(\S+)")
_EXACT = re.compile(r"={1,3}\s*([0-9][0-9A-Za-z.!+]*)")
_CONDA_EXACT = re.compile(r"(?:={1,2}\s*)?([0-9][0-9A-Za-z.!+]*?)(?:\.\*)?(?:[= ]\S+)?")
_CONDA_SPEC = re.compile(r"(?:[^\s:]+::)?([A-Za-z0-9._-]+)\s*(.*)")
_INSTALLS = re.compile(r"\b(?:pip[0-9.]*|uv|conda|mamba|micromamba)\b.*\binstall\b.*\b(?:tensorflow|tf-nightly)", re.I)


def pins_of(files: Mapping[str, bytes]) -> dict[str, Pin]:
    """What the definition's tags repeat, by tag; `files` by their path in the repository."""
    return {
        "tensorflow_version": _tensorflow(files),
        "python_version": _pinned(CONDA, "python", [text for name, text in _conda(files) if name == "python"]),
        "source_code_version": _package(files),
    }


def _tensorflow(files: Mapping[str, bytes]) -> Pin:
    """From pip's and conda's files; one that the image installs beside them counts as not readable."""
    found = [
        text
        for name, text in (*_requirements(files, REQUIREMENTS), *_conda(files), *_pip_in_conda(files))
        if name in _TENSORFLOW
    ]
    for line in _CONTINUED.sub(" ", _text(files, DOCKERFILE)).splitlines():
        if _INSTALLS.search(_COMMENT.sub("", line)):
            return Pin(file=DOCKERFILE, version="", trouble=f"TensorFlow is installed here; pin it in {REQUIREMENTS}")
    return _pinned(REQUIREMENTS, "tensorflow", found)


def _pinned(file: str, package: str, specs: Sequence[str]) -> Pin:
    """The one version of all specifications of a package; one without a version leaves the word to the others."""
    found = {match[1] if (match := _EXACT.fullmatch(spec.strip())) else spec for spec in specs if spec != ANY}
    if not found:
        trouble = f"no version of {package} is found; write {package}==<version>"
    elif len(found) > 1:
        trouble = f"{package} is pinned in several ways ({', '.join(sorted(found))}); write one version"
    elif (only := found.pop())[0].isdigit():
        return Pin(file=file, version=only)
    else:
        trouble = f'{package} is not pinned exactly ("{only}"); write {package}==<version>'
    return Pin(file=file, version="", trouble=trouble)


def _requirements(files: Mapping[str, bytes], file: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Canonical name and specification of each requirement, with the files that are included."""
    if depth > INCLUDES_MAX:
        return
    for line in _CONTINUED.sub(" ", _text(files, file)).splitlines():
        wanted = _COMMENT.sub("", line).strip()
        if include := _INCLUDE.match(wanted):
            yield from _requirements(files, str(PurePosixPath(file).parent / include[1]), depth + 1)
        elif wanted and not wanted.startswith("-"):
            yield from _requirement(_OPTION.sub("", wanted).strip())


def _requirement(wanted: str) -> Iterator[tuple[str, str]]:
    try:
        found = Requirement(wanted)
    except InvalidRequirement:
        name = re.match(r"[A-Za-z0-9._-]+", wanted)
        if name:
            yield canonicalize_name(name[0]), wanted
        return
    yield canonicalize_name(found.name), found.url or str(found.specifier) or ANY


def _dependencies(files: Mapping[str, bytes]) -> list[object]:
    try:
        value = parse(files.get(CONDA, b""), CONDA).value
    except ConfigError:
        return []
    found = value.get("dependencies") if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def _conda(files: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    """Name and specification of conda's packages: `python=3.11`, `conda-forge::python >=3.11`."""
    for each in _dependencies(files):
        if isinstance(each, str) and (spec := _CONDA_SPEC.fullmatch(each.strip())):
            exact = _CONDA_EXACT.fullmatch(spec[2])
            yield spec[1].lower(), f"=={exact[1]}" if exact else spec[2] or ANY


def _pip_in_conda(files: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    for each in _dependencies(files):
        for wanted in each.get("pip", []) if isinstance(each, dict) else []:
            text = str(wanted).strip()
            if include := _INCLUDE.match(text):
                yield from _requirements(files, str(PurePosixPath(CONDA).parent / include[1]))
            else:
                yield from _requirement(text)


def _package(files: Mapping[str, bytes]) -> Pin:
    """`__version__` as Python would assign it; only a literal text can be read without running it."""
    trouble = 'write __version__ = "<version>", once'
    try:
        tree = ast.parse(files.get(PACKAGE, b""))
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the last two: nested without end
        return Pin(file=PACKAGE, version="", trouble="it is no Python file")
    values = [
        each.value
        for each in tree.body
        if isinstance(each, ast.Assign | ast.AnnAssign)
        for target in (each.targets if isinstance(each, ast.Assign) else [each.target])
        if isinstance(target, ast.Name) and target.id == "__version__"
    ]
    if (
        len(values) != 1
        or sum(map(_binds_version, ast.walk(tree))) != 1
        or not isinstance(values[0], ast.Constant)
        or not isinstance(values[0].value, str)
    ):
        return Pin(file=PACKAGE, version="", trouble=trouble)
    return Pin(file=PACKAGE, version=values[0].value)


def _binds_version(node: ast.AST) -> bool:
    """Whether `__version__` gets or loses its value here, at any depth."""
    if isinstance(node, ast.alias):
        return (node.asname or node.name) == "__version__"
    return isinstance(node, ast.Name) and node.id == "__version__" and not isinstance(node.ctx, ast.Load)


def _text(files: Mapping[str, bytes], file: str) -> str:
    return files.get(file, b"").decode("utf-8", errors="replace")
