"""Evidence for a version of the fleet's environment: the example of the documentation, really run in that version.

The code of its cells is that of docs/examples/evidence.ipynb; numbers, rows and predictions are what this version of
the code made of a real model and real rows. Most of its time goes into loading TensorFlow.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from local.supervisor.cloud import CloudError
from local.supervisor.parts import REPOSITORY

EXAMPLE = REPOSITORY / "docs" / "examples" / "evidence.ipynb"
RUN_S_MAX = 180.0
"""A cold start of TensorFlow on a busy machine, several times over."""


def write_evidence(file: Path, *, code: Path, model: Path, table: Path) -> Path:
    """Run the example with the `sensor_model` of the folder `code` and save it as `file`; returns `file`.

    `code` is a folder of `environment_factory.write_version`, `model` the folder of one trained model with its
    metadata.json, `table` the folder of the sensor table with rows of the model's circuit. The notebook prints
    `custom-tf-env:<version of code>` and nothing of where it ran. Raises `CloudError` when a cell raises; the notebook
    is then saved all the same, and shows the error.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="switchyard-evidence-") as folder:
        for name, target in (("model", model), ("sensor_data", table)):
            (Path(folder) / name).symlink_to(target.resolve(strict=True), target_is_directory=True)
        done = subprocess.run(  # nosec B603 # this interpreter and a module of this repository, without a shell
            [sys.executable, "-m", "local.seeding.notebook_run", str(EXAMPLE), str(file.resolve())],
            cwd=folder, env=_variables(code), capture_output=True, text=True, check=False, timeout=RUN_S_MAX,
        )  # fmt: skip
    if done.returncode:
        raise CloudError(
            f"The notebook run in {code} shows an error, see {file}.\n{done.stderr.strip()[-2000:]}".strip()
        )
    return file


def _variables(code: Path) -> dict[str, str]:
    """The version's own code first; the repository for the module that runs the cells. The code's folder is registered
    as it is, so that nothing may be left in it."""
    path = os.pathsep.join([str(code.resolve()), str(REPOSITORY)])
    return {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
