"""Which versions the files of an environment pin, in every spelling that pip, conda and Python read."""

from pathlib import Path

import pytest

from shared.adapters.config.pins import DOCKERFILE, pins_of
from shared.domain.changes.environment import CONDA, PACKAGE, REQUIREMENTS, Pin

ROOT = Path(__file__).parents[3]
TF, PYTHON, CODE = "tensorflow_version", "python_version", "source_code_version"


def pin(tag: str, **files: str) -> Pin:
    names = {"requirements": REQUIREMENTS, "conda": CONDA, "package": PACKAGE, "dockerfile": DOCKERFILE}
    given = {names.get(name, f"environment/{name}.txt"): text.encode() for name, text in files.items()}
    return pins_of(given)[tag]


@pytest.mark.parametrize(
    "line",
    [
        "tensorflow==2.22.0",
        "tensorflow == 2.22.0",
        "tensorflow[and-cuda]==2.22.0",
        "tensorflow [and-cuda] == 2.22.0  # the GPU's",
        "TensorFlow==2.22.0",
        "tensorflow===2.22.0",
        "tensorflow-cpu==2.22.0",
        "tensorflow_gpu==2.22.0",
        "tf-nightly==2.22.0",
        "tensorflow==2.22.0; python_version < '3.12'",
        "tensorflow==2.22.0 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11",
        "tensorflow==2.22.0 --hash=sha256:00",
        "# comment\n\n--index-url https://example.com/simple\nnumpy==2.0.0\ntensorflow==2.22.0\n",
        "tensorflow==2.22.0\r\nnumpy==2.0.0\r\n",
        "tensorflow==2.22.0; sys_platform == 'linux'\ntensorflow-cpu==2.22.0; sys_platform != 'linux'",
    ],
)
def test_tensorflow_is_found_in_every_spelling_of_pip(line: str) -> None:
    assert pin(TF, requirements=line).version == "2.22.0"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("numpy==2.0.0", "no version of tensorflow is found"),
        ("tensorflow", "no version of tensorflow is found"),
        ("tensorflow-metadata==1.0\ntensorflow-io-gcs-filesystem==0.37", "no version of tensorflow is found"),
        ("tensorflow>=2.22", "not pinned exactly"),
        ("tensorflow~=2.22.0", "not pinned exactly"),
        ("tensorflow==2.22.*", "not pinned exactly"),
        ("tensorflow>=2.21,<3", "not pinned exactly"),
        ("tensorflow @ https://example.com/tensorflow-2.22.0.whl", "not pinned exactly"),
        ("tensorflow=2.22.0", "not pinned exactly"),
        ("tensorflow==2.21.0; python_version < '3.11'\ntensorflow==2.22.0; python_version >= '3.11'", "several ways"),
        ("tensorflow==2.21.0\ntensorflow-cpu==2.22.0", "several ways"),
    ],
)
def test_a_tensorflow_that_cannot_be_told_is_no_pin_and_the_reason_is(line: str, said: str) -> None:
    found = pin(TF, requirements=line)
    assert not found.version
    assert said in found.trouble


def test_included_files_and_constraints_count() -> None:
    assert pin(TF, requirements="-r base.txt", base="tensorflow==2.22.0").version == "2.22.0"
    assert pin(TF, requirements="tensorflow\n-c limits.txt", limits="tensorflow==2.22.0").version == "2.22.0"
    assert pin(TF, requirements="tensorflow==2.21.0\n-c limits.txt", limits="tensorflow==2.22.0").trouble
    assert pin(TF, requirements="-r requirements.txt").trouble, "a file that includes itself ends"


def test_tensorflow_of_conda_counts_as_well() -> None:
    assert pin(TF, conda="dependencies:\n  - tensorflow=2.22.0\n").version == "2.22.0"
    assert pin(TF, conda="dependencies:\n  - pip\n  - pip:\n    - tensorflow[and-cuda]==2.22.0\n").version == "2.22.0"
    assert pin(TF, conda="dependencies:\n  - pip:\n    - -r base.txt\n", base="tensorflow==2.22.0").version == "2.22.0"
    both = pin(TF, conda="dependencies:\n  - tensorflow=2.21.0\n", requirements="tensorflow==2.22.0")
    assert "several ways" in both.trouble


@pytest.mark.parametrize(
    "line",
    ["RUN pip install tensorflow==2.22.0", "RUN pip install \\\n  numpy tensorflow", "RUN uv pip install 'tensorflow'"],
)
def test_a_tensorflow_that_the_image_installs_beside_the_files_is_told(line: str) -> None:
    found = pin(TF, requirements="tensorflow==2.21.0", dockerfile=f"FROM scratch\n{line}\n")
    assert (found.file, found.version) == (DOCKERFILE, "")


@pytest.mark.parametrize(
    ("spec", "version"),
    [
        ("python=3.11", "3.11"),
        ("python==3.11.9", "3.11.9"),
        ("python=3.11.*", "3.11"),
        ("python 3.11", "3.11"),
        ('"python = 3.11"', "3.11"),
        ("conda-forge::python=3.11", "3.11"),
        ("python=3.11=h12debd9_0", "3.11"),
        ("python 3.11.9 h12debd9_0", "3.11.9"),
        ('"python>=3.11"', ""),
        ("python", ""),
        ("python-dateutil=2.9", ""),
    ],
)
def test_python_is_found_in_every_spelling_of_conda(spec: str, version: str) -> None:
    found = pin(PYTHON, conda=f"dependencies:\n  - {spec}\n")
    assert (found.version, bool(found.trouble)) == (version, not version)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ('__version__ = "1.5.1"', "1.5.1"),
        ("__version__: str = '1.5.1'", "1.5.1"),
        ('"""doc"""\nimport x\n__version__="1.5.1"  # now', "1.5.1"),
        ('# __version__ = "1.5.0"\n', ""),
        ("__version__ = version('sensor_model')", ""),
        ('__version__ = "1.5.0"\n__version__ = "1.5.1"', ""),
        ("__version__ = (", ""),
        ('__version__ = "1.5.0"\n__version__ += ".post1"', ""),
        ('__version__ = "1.5.0"\nif True:\n    __version__ = "1.5.1"', ""),
        ('__version__ = "1.5.0"\nfrom sensor_model.about import __version__', ""),
        (f'__version__ = "1.5.0"\nx = {"(" * 100_000}', ""),
    ],
)
def test_the_packages_version_is_what_python_would_assign(text: str, version: str) -> None:
    found = pin(CODE, package=text)
    assert (found.version, bool(found.trouble)) == (version, not version)


def test_the_pins_of_this_repository_are_found() -> None:
    """Its definition is checked against them before the merge."""
    files = {str(path.relative_to(ROOT)): path.read_bytes() for path in (ROOT / "environment").rglob("*.*")}
    assert all(found.version for found in pins_of(files).values())
