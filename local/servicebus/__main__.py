"""``python -m local.servicebus``: run the broker (see docs/local-servicebus.md)."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
import sys
import time
from pathlib import Path

from local.servicebus.broker import Broker
from local.servicebus.config import DEFAULT_CONFIG, ConfigError, NamespaceConfig, load_config
from local.servicebus.server import Server
from local.servicebus.store import StoreError

DEFAULT_PORT = 5672


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.servicebus", description=__doc__)
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="TCP port, 0 for a free one")
    parser.add_argument("--data", type=Path, required=True, help="directory that holds the messages")
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help="queue definitions (JSON)")
    parser.add_argument("--verbose", action="store_true", help="log more")
    return parser.parse_args()


def set_up_logging(verbose: bool) -> None:
    logging.Formatter.converter = time.gmtime
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
    )


async def serve(config: NamespaceConfig, directory: Path, port: int) -> None:
    """Serve until SIGTERM or SIGINT. Raises ConfigError, StoreError or OSError when it cannot start."""
    server = Server(Broker(config, directory))
    bound = await server.listen(port)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    print(json.dumps({"ready": True, "part": "servicebus", "port": bound}), flush=True)
    await stopping.wait()
    await server.stop()


def main() -> int:
    arguments = parse_arguments()
    set_up_logging(arguments.verbose)
    try:
        asyncio.run(serve(load_config(arguments.config), arguments.data, arguments.port))
    except (ConfigError, StoreError, OSError) as error:
        logging.getLogger("local.servicebus").critical("cannot start: %s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
