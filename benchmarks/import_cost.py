"""What importing the app costs, beside the third-party modules that it cannot do without.

A cold start of every function pays for `import function_app`. Its floor is the time of the third-party modules that the
app really loads; the benchmark finds them by importing the app once and looking. Both imports are then timed in fresh
interpreters, in turns, so that a busy machine slows both alike. What the first effect pays for the client of Azure ML,
loading it and building one, is told as processor time. Exit code 1 when the median ratio is above LIMIT, when
the client costs more than CLIENT_LIMIT_S, or when a client library is loaded that belongs into the factories of
`shared/bootstrap/`.
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 1.2
CLIENT_LIMIT_S = 3.0
ROUNDS = 11

#: Loaded by the first call that needs them, never by the import of the app.
HEAVY = (
    "azure.ai.ml",
    "azure.data.tables",
    "azure.eventgrid",
    "azure.identity",
    "azure.servicebus",
    "azure.storage.blob",
    "deltalake",
    "dulwich",
    "pyarrow",
    "tensorflow",
)

_OURS = ("function_app", "functions", "shared")

_FIND = """
import importlib, json, sys
before = set(sys.modules)
import function_app
print(json.dumps([name for name in sys.modules if name not in before]))
"""

_TIME = """
import json, sys, time
names = json.loads(sys.argv[1])
begin = time.perf_counter()
for name in names:
    __import__(name)
print(time.perf_counter() - begin)
"""

_CLIENT = """
import time
begin = time.process_time()
from azure.ai.ml import MLClient
client = MLClient(object(), "00000000-0000-0000-0000-000000000001", "group", workspace_name="workspace")
client.batch_deployments, client.models, client.environments, client.jobs
print(time.process_time() - begin)
"""


def run(program: str, *arguments: str) -> str:
    """The output of `program` in a fresh interpreter, run in the app's directory."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


def loaded_modules() -> list[str]:
    """Every module that importing the app loads, in the order of loading."""
    names: list[str] = json.loads(run(_FIND))
    return names


def third_party(modules: list[str]) -> list[str]:
    """Those that neither are ours nor come with Python; what only exists inside another module is left out."""
    foreign = [name for name in modules if name.split(".")[0] not in {*_OURS, *sys.stdlib_module_names}]
    return [name for name in foreign if not name.startswith("_")]


def heavy(modules: list[str]) -> list[str]:
    """Those that no import of the app may load."""
    return [name for name in modules if any(name == each or name.startswith(f"{each}.") for each in HEAVY)]


def seconds(names: list[str]) -> float:
    """How long a fresh interpreter takes to import `names`."""
    return float(run(_TIME, json.dumps(names)))


def measure(foreign: list[str], rounds: int) -> tuple[float, float, float]:
    """Medians in seconds of the app and of its third-party modules, and the median of the rounds' ratios."""
    seconds(["function_app"])  # warm: byte code and file cache
    pairs = [(seconds(["function_app"]), seconds(foreign)) for _ in range(rounds)]
    apps, floors = zip(*pairs, strict=True)
    return statistics.median(apps), statistics.median(floors), statistics.median(a / f for a, f in pairs)


def main() -> int:
    """Prints the figures; 1 when a limit is broken."""
    parser = argparse.ArgumentParser(description="Measure what importing the app costs.")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds: int = parser.parse_args().rounds
    modules = loaded_modules()
    foreign = third_party(modules)
    app_s, floor_s, ratio = measure(foreign, rounds)
    print(f"import function_app            {app_s * 1000:7.1f} ms")
    print(f"its third-party modules alone  {floor_s * 1000:7.1f} ms  ({len(foreign)} modules)")
    print(f"ratio, median of {rounds} rounds     {ratio:7.3f}     (limit {LIMIT})")
    client_s = min(float(run(_CLIENT)) for _ in range(3))
    print(f"the client of Azure ML         {client_s * 1000:7.1f} ms of CPU (limit {CLIENT_LIMIT_S:g} s)")
    wrong = heavy(modules)
    if wrong:
        print(f"must not be loaded by importing the app: {', '.join(wrong)}")
    return 1 if wrong or ratio > LIMIT or client_s > CLIENT_LIMIT_S else 0


if __name__ == "__main__":
    sys.exit(main())
