"""What leaves for Azure Monitor once the worker has set up its exporter: metrics with dimensions, lines with fields.

The exporter is the real one, in a process of its own as the worker has it; where it sends to is on this machine.
"""

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from tests.support.processes import REPOSITORY

#: As `initialize_azure_monitor` of the worker's library does it, then a function of ours logs.
APP = """
import logging
from azure.monitor.opentelemetry import configure_azure_monitor
configure_azure_monitor(logger_name="")
from shared.adapters import telemetry
from shared.measures import Metric, measured
telemetry.set_up()
logging.getLogger().setLevel(logging.INFO)
log = logging.getLogger("shared.application.alerts.own")
log.warning("worse", extra=measured(Metric.EXCESS, 1.5, circuit="P001/C001", rule="data-drift", measure="psi"))
from opentelemetry import metrics
from opentelemetry._logs import get_logger_provider
metrics.get_meter_provider().force_flush()
get_logger_provider().force_flush()
"""


class Ingestion(ThreadingHTTPServer):
    """Takes what an exporter sends."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.items: list[dict[str, Any]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Ingestion

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        text = body.decode()
        items = json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines() if line]
        self.server.items += items
        answer = json.dumps({"itemsReceived": len(items), "itemsAccepted": len(items), "errors": []}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        return None


@pytest.fixture(scope="module")
def sent() -> Iterator[list[dict[str, Any]]]:
    """What the app sent."""
    server = Ingestion()
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    key = "00000000-0000-4000-8000-000000000000"
    address = f"http://127.0.0.1:{server.server_port}/"
    places = f"IngestionEndpoint={address};LiveEndpoint={address}"
    environment = {
        **os.environ,
        "APPLICATIONINSIGHTS_CONNECTION_STRING": f"InstrumentationKey={key};{places}",
        "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "azure_sdk,django,fastapi,flask,psycopg2,requests,urllib,urllib3",
        "OTEL_TRACES_SAMPLER": "microsoft.fixed_percentage",
        "OTEL_TRACES_SAMPLER_ARG": "0.1",
    }
    ended = subprocess.run(
        [sys.executable, "-c", APP], cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=90
    )
    assert ended.returncode == 0, ended.stderr[-2000:]
    yield [each["data"]["baseData"] for each in server.items]
    server.shutdown()
    server.server_close()


def test_a_metric_leaves_with_the_dimensions_that_the_rules_split_by(sent: list[dict[str, Any]]) -> None:
    found = [each for each in sent if any(one["name"] == "switchyard.excess" for one in each.get("metrics", []))]

    assert len(found) == 1
    point = found[0]["metrics"][0]
    assert (point["value"], point["count"], point["max"]) == (1.5, 1, 1.5)
    told = {"plant_id": "P001", "circuit_id": "C001", "rule": "data-drift", "measure": "psi"}
    assert told.items() <= found[0]["properties"].items()


def test_a_line_of_the_log_keeps_its_fields(sent: list[dict[str, Any]]) -> None:
    found = [each for each in sent if each.get("message") == "worse"]

    assert len(found) == 1
    assert found[0]["properties"]["plant_id"] == "P001"
    assert found[0]["properties"]["rule"] == "data-drift"
