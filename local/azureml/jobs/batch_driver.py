"""Runs a scoring script over the files of an input folder, the way Azure Machine Learning's batch scoring does.

Started by the runner as `python batch_driver.py specification.json`, in the environment version's own code; it uses
the standard library only. The contract of the script (Author scoring scripts for batch deployments): `init()` once,
`run(mini_batch)` with a list of file paths for each mini batch, `shutdown()` if it has one. AZUREML_MODEL_DIR and
AZUREML_BI_OUTPUT_PATH are set. What `run` returns, a list or a pandas DataFrame, becomes rows of the output file.

Failures: an exception in `init` ends the job. A mini batch that still fails after its retries adds its files to the
failures; the job ends when there are more than `error_threshold` (-1: any number, unless every mini batch failed). A
job for which `run` returned no result at all has failed as well: Azure ML counts what is returned as what succeeded.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any


class ScoringFailed(Exception):
    """The job failed; the log above says why."""


def main() -> None:
    specification = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    try:
        score(specification)
    except ScoringFailed as problem:
        log(f"Job failed: {problem}")
        sys.exit(1)


def score(specification: dict[str, Any]) -> None:
    """Score every mini batch. Raises `ScoringFailed`."""
    files = list(input_files(specification["inputs"]))
    if not files:
        raise ScoringFailed(f"there are no files in {', '.join(specification['inputs'])}")
    size = max(1, int(specification["mini_batch_size"]))
    batches = [files[start : start + size] for start in range(0, len(files), size)]
    log(f"{len(files)} files in {len(batches)} mini batches of at most {size}")
    script = load_script(Path(specification["scoring_script"]))
    try:
        script.init()
    except Exception:
        traceback.print_exc()
        raise ScoringFailed("init() raised an exception") from None
    failed_files, failed_batches, results = 0, 0, 0
    threshold = int(specification["error_threshold"])
    for number, batch in enumerate(batches, start=1):
        returned = score_batch(script, number, batch, specification)
        results += returned or 0
        if returned is None:
            failed_files += len(batch)
            failed_batches += 1
        if 0 <= threshold < failed_files:
            raise ScoringFailed(f"{failed_files} files failed, and the error threshold is {threshold}")
    if failed_batches == len(batches):
        raise ScoringFailed("every mini batch failed")
    if not results:
        raise ScoringFailed("no succeeded mini batch item returned from run(): return a result for each file")
    if hasattr(script, "shutdown"):
        script.shutdown()
    log(f"Done: {len(batches) - failed_batches} mini batches scored, {failed_batches} failed")


def input_files(inputs: list[str]) -> Iterator[str]:
    """The files of the inputs, in the order of their names."""
    for entry in map(Path, inputs):
        if entry.is_file():
            yield str(entry)
        else:
            yield from (str(path) for path in sorted(entry.rglob("*")) if path.is_file())


def load_script(path: Path) -> ModuleType:
    """Import the scoring script. Raises `ScoringFailed` if it cannot be imported or lacks a function."""
    specification = importlib.util.spec_from_file_location(path.stem, path)
    if specification is None or specification.loader is None or not path.is_file():
        raise ScoringFailed(f"the scoring script {path.name} is not in the code folder")
    module = importlib.util.module_from_spec(specification)
    sys.modules[path.stem] = module
    try:
        specification.loader.exec_module(module)
    except Exception:
        traceback.print_exc()
        raise ScoringFailed(f"{path.name} cannot be imported") from None
    missing = [name for name in ("init", "run") if not callable(getattr(module, name, None))]
    if missing:
        raise ScoringFailed(f"{path.name} has no function {' and no function '.join(missing)}")
    return module


def score_batch(script: ModuleType, number: int, batch: list[str], specification: dict[str, Any]) -> int | None:
    """Score one mini batch, with retries; how many results `run` returned, None when it failed."""
    attempts = 1 + max(0, int(specification["max_retries"]))
    for attempt in range(1, attempts + 1):
        started = time.monotonic()
        try:
            returned = script.run(batch)
            rows = to_rows(returned)
        except Exception:
            traceback.print_exc()
            log(f"Mini batch {number}: attempt {attempt} of {attempts} failed")
            continue
        if specification["output_action"] == "AppendRow":
            with Path(specification["output_file"]).open("a", encoding="utf-8") as output:
                output.write(rows)
        log(f"Mini batch {number}: {len(batch)} files in {time.monotonic() - started:.3f} s")
        return len(returned)
    return None


def to_rows(result: Any) -> str:
    """The text to append for what `run` returned: a line per element, or a DataFrame without its header."""
    if hasattr(result, "to_csv"):
        return str(result.to_csv(header=False, index=False))
    if not isinstance(result, list | tuple):
        raise TypeError(f"run() must return a list or a pandas DataFrame, not {type(result).__name__}")
    return "".join(f"{element}\n" for element in result)


def log(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
