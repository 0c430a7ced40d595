"""What stands in for Jupyter: cells run from top to bottom in one fresh interpreter, and their outputs are saved."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.notebooks import code, notebook, printed, text
from tests.support.processes import REPOSITORY


def run(tmp_path: Path, *cells: Any) -> tuple[int, list[dict[str, Any]]]:
    """The exit status, and the cells with code as they were saved."""
    source, target = tmp_path / "source.ipynb", tmp_path / "target.ipynb"
    source.write_bytes(notebook(*cells))
    command = [sys.executable, "-m", "local.seeding.notebook_run", str(source), str(target)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, timeout=60, check=False)
    saved = json.loads(target.read_text())["cells"]
    return done.returncode, [cell for cell in saved if cell["cell_type"] == "code"]


def test_cells_run_in_order_and_share_their_names(tmp_path: Path) -> None:
    """Old outputs and counts are gone; what goes to standard error is told apart."""
    old = code("import sys\nx = 20", printed("old"), count=7)
    last = code("print(x + 1)\nprint(x + 2)\nprint('careful', file=sys.stderr)", count=None)
    status, (first, second) = run(tmp_path, old, text("## Then"), last)

    assert status == 0
    assert (first["execution_count"], first["outputs"]) == (1, [])
    assert second["execution_count"] == 2
    assert second["outputs"] == [printed(["21\n", "22\n"]), printed(["careful\n"], "stderr")]


def test_after_an_error_nothing_runs(tmp_path: Path) -> None:
    """The error is kept with what was printed before it, and says where it was raised."""
    bad = code("print('so far')\ndef fail():\n    raise ValueError('no rows')\nfail()")
    status, (first, second) = run(tmp_path, bad, code("print('never')", printed("old"), count=2))

    assert status == 1
    shown, error = first["outputs"]
    assert shown == printed(["so far\n"])
    assert (error["ename"], error["evalue"]) == ("ValueError", "no rows")
    assert "<cell 1>" in "".join(error["traceback"])
    assert "notebook_run" not in "".join(error["traceback"])
    assert (second["outputs"], second["execution_count"]) == ([], None)
