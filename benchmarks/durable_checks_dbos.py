"""The other side of `benchmarks.durable_checks`: N instant checks as durable workflows of DBOS, in SQLite.

It runs in an environment of its own (`benchmarks/requirements-dbos.txt`), so that nothing here imports the app. Each
check is a workflow with one step; all are started at once, without a queue, which costs DBOS least. Prints what it
took.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time

from dbos import DBOS  # type: ignore[import-not-found]  # of an environment of its own


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(checks: int) -> None:
    """One line of JSON: wall and CPU of all checks, in seconds."""
    with tempfile.TemporaryDirectory(prefix="dbos-") as folder:
        DBOS(config={"name": "checks", "system_database_url": f"sqlite:///{folder}/dbos.sqlite", "log_level": "ERROR"})

        @DBOS.step()  # type: ignore[untyped-decorator]
        def check(number: int) -> str:
            return f"identical, {number} rows"

        @DBOS.workflow()  # type: ignore[untyped-decorator]
        def checked(number: int) -> str:
            verdict: str = check(number)
            return verdict

        DBOS.launch()
        DBOS.start_workflow(checked, 0).get_result()
        began, cpu_s = time.perf_counter(), _cpu_s()
        handles = [DBOS.start_workflow(checked, number) for number in range(checks)]
        verdicts = [handle.get_result() for handle in handles]
        print(json.dumps({"results": len(verdicts), "wall_s": time.perf_counter() - began, "cpu_s": _cpu_s() - cpu_s}))
        DBOS.destroy()


if __name__ == "__main__":
    main(int(sys.argv[1]))
