"""Runs the code of a notebook from top to bottom, as "Restart kernel and run all cells" does, and saves its outputs.

`python -m local.seeding.notebook_run NOTEBOOK OUTPUT`, in the folder that the notebook's relative paths start from.
Exits with 1 when a cell raised: the error is saved too, and the cells after it did not run. It stands in for Jupyter,
which is no part of this project: it keeps printed text and tracebacks, but not the value a cell ends in, nor pictures.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

Cell = dict[str, Any]


def main() -> int:
    """Run and save."""
    source, target = map(Path, sys.argv[1:])
    notebook = json.loads(source.read_text(encoding="utf-8"))
    names: dict[str, Any] = {"__name__": "__main__"}
    count, failed = 0, False
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        cell["outputs"], cell["execution_count"] = [], None
        if not failed:
            count += 1
            failed = not _run(cell, count, names)
    target.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return int(failed)


def _run(cell: Cell, count: int, names: dict[str, Any]) -> bool:
    """True when it ran to its end; its outputs are in the cell either way."""
    code = "".join(cell["source"])
    cell["execution_count"] = count
    printed = {"stdout": io.StringIO(), "stderr": io.StringIO()}
    raised = None
    with contextlib.redirect_stdout(printed["stdout"]), contextlib.redirect_stderr(printed["stderr"]):
        try:
            program = compile(code, f"<cell {count}>", "exec")
            exec(program, names)  # nosec B102 # running a notebook is what it is for
        except Exception as error:  # whatever a cell raises is its output, as in Jupyter
            raised = error
    for name, text in printed.items():
        if text.getvalue():
            lines = text.getvalue().splitlines(keepends=True)
            cell["outputs"].append({"name": name, "output_type": "stream", "text": lines})
    if raised is not None:
        cell["outputs"].append(_error(raised, raised.__traceback__))
    return raised is None


def _error(error: Exception, where: TracebackType | None) -> Cell:
    inside = where.tb_next if where else None  # without this module's own line
    lines = traceback.format_exception(type(error), error, inside)
    return {"output_type": "error", "ename": type(error).__name__, "evalue": str(error), "traceback": lines}


if __name__ == "__main__":
    sys.exit(main())
