"""`python -m local.azureml --port P --data DIR --blob-endpoint URL`: the Azure Machine Learning part."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from local.azureml.app import create_app
from local.azureml.service.artifacts import Artifacts
from local.azureml.service.auth import Authenticator
from local.azureml.service.call import Service
from local.azureml.service.clock import CLOCK
from local.azureml.service.config import load_settings
from local.azureml.service.events import Outbox
from local.azureml.service.faults import Faults
from local.azureml.service.job_records import Jobs
from local.azureml.service.operations import Operations
from local.azureml.service.storage import Storage
from local.azureml.service.store import Store
from local.azureml.service.throttle import Throttle
from local.conventions import DirectoryInUse, configure_logging
from local.monitor.action_group import ActionGroup
from local.serving import listen, serve


def main() -> int:
    parser = argparse.ArgumentParser(prog="local.azureml", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="0 for any free port")
    parser.add_argument("--data", type=Path, required=True, help="directory for state, jobs and environments")
    parser.add_argument(
        "--blob-endpoint", required=True, help="Azurite with its account: http://127.0.0.1:10000/devstoreaccount1"
    )
    parser.add_argument("--eventgrid", help="base URL of the Event Grid part; without it no events are written")
    parser.add_argument("--jwks", help="URL of the signing keys; without it tokens are only checked for form")
    parser.add_argument("--alerts", help="URL that alerts are sent to; without it they are only kept")
    parser.add_argument("--identity", help="base URL of the identity part, for the token that alerts are sent with")
    parser.add_argument("--lake", type=Path, help="folder that the datastore sensor_lake shows (DATA/lake)")
    options = parser.parse_args()
    configure_logging()
    for chatty in ("azure", "httpx"):  # they log every request they make
        logging.getLogger(chatty).setLevel(logging.WARNING)
    try:
        service, listener = _service(options), listen(options.port)
    except (DirectoryInUse, OSError) as problem:
        logging.getLogger("local.azureml").critical("cannot start: %s", problem)
        return 1
    service.jobs.runs.address = "http://{}:{}".format(*listener.getsockname())
    action_group = ActionGroup(
        service.store, webhook=options.alerts, identity=options.identity, eventgrid=options.eventgrid
    )
    serve(create_app(service, action_group), part="azureml", listener=listener)
    return 0


def _service(options: argparse.Namespace) -> Service:
    data: Path = options.data.resolve()
    lake: Path = (options.lake or data / "lake").resolve()
    lake.mkdir(parents=True, exist_ok=True)
    store = Store(data / "azureml.db")
    CLOCK.restore(store)
    faults = Faults()
    outbox = Outbox(store, faults, options.eventgrid)
    storage = Storage(options.blob_endpoint, lake)
    return Service(
        settings=load_settings(),
        data=data,
        store=store,
        storage=storage,
        artifacts=Artifacts(data, storage),
        operations=Operations(store),
        jobs=Jobs(store, outbox, data),
        outbox=outbox,
        faults=faults,
        throttle=Throttle(),
        authenticator=Authenticator(options.jwks),
    )


if __name__ == "__main__":
    sys.exit(main())
