"""What a training job tells Azure ML about itself: parameters, metrics and tags of its run, by MLflow's REST interface.

A job finds where its run is kept in MLFLOW_TRACKING_URI, MLFLOW_RUN_ID and MLFLOW_TRACKING_TOKEN; azureml:// stands for
https://. Only this one call of the interface is needed, and the library would bring forty packages into the image.
Outside a job nothing is told.
"""

import json
import math
import os
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field

BATCH_MAX = 100
"""Parameters and tags that MLflow takes in one call."""

PARAMETER_CHARS_MAX = 500
TAG_CHARS_MAX = 5000
TIMEOUT_S = 20.0
TRIES = 3
PAUSE_S = 1.0


class TrackingError(RuntimeError):
    """The tracking server did not take what it was told."""


@dataclass(frozen=True, slots=True)
class Run:
    """The run of this job. `token` may be empty for a server that asks for none."""

    address: str
    run_id: str
    token: str = field(repr=False)


def run_of(environment: Mapping[str, str] = os.environ) -> Run | None:
    """The run that the environment describes; None outside a job."""
    uri, run_id = environment.get("MLFLOW_TRACKING_URI", ""), environment.get("MLFLOW_RUN_ID", "")
    if not uri or not run_id:
        return None
    address = uri.replace("azureml://", "https://", 1).partition("?")[0].rstrip("/")
    if not address.startswith(("https://", "http://127.0.0.1:")):
        raise TrackingError(f"MLFLOW_TRACKING_URI {uri!r} is no address of a tracking server")
    return Run(address, run_id, environment.get("MLFLOW_TRACKING_TOKEN", ""))


def log(
    run: Run | None,
    *,
    parameters: Mapping[str, object] | None = None,
    metrics: Mapping[str, float] | None = None,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Tell the run, at most BATCH_MAX of each; the same again changes nothing. Raises TrackingError after TRIES."""
    if run is None:
        return
    now_ms = int(time.time() * 1000)
    body = {
        "run_id": run.run_id,
        "metrics": [
            {"key": name, "value": value, "timestamp": now_ms, "step": 0}
            for name, value in (metrics or {}).items()
            if math.isfinite(value)
        ],
        "params": [{"key": n, "value": str(v)[:PARAMETER_CHARS_MAX]} for n, v in (parameters or {}).items()],
        "tags": [{"key": name, "value": value[:TAG_CHARS_MAX]} for name, value in (tags or {}).items()],
    }
    if any(len(each) > BATCH_MAX for each in (body["metrics"], body["params"], body["tags"])):
        raise TrackingError(f"more than {BATCH_MAX} values of a kind in one call")
    _post(run, "runs/log-batch", body)


def _post(run: Run, path: str, body: Mapping[str, object]) -> None:
    headers = {"Content-Type": "application/json"}
    if run.token:
        headers["Authorization"] = f"Bearer {run.token}"
    url = f"{run.address}/api/2.0/mlflow/{path}"
    problem: Exception | None = None
    for tries in range(TRIES):
        if tries:
            time.sleep(PAUSE_S)
        request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S):  # nosec B310 # https or loopback, see run_of
                return
        except urllib.error.HTTPError as error:
            problem = error
            if error.code < 500 and error.code not in (408, 429):
                break
        except OSError as error:
            problem = error
    raise TrackingError(f"{url} did not take what the run has to say: {problem}") from problem
