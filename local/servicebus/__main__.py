"""``python -m local.servicebus``: run the broker (see docs/local-servicebus.md)."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from pathlib import Path

from local.conventions import DirectoryInUse, announce, configure_logging
from local.servicebus.config import DEFAULT_CONFIG, ConfigError, NamespaceConfig, load_config
from local.servicebus.queues.broker import Broker
from local.servicebus.queues.store import StoreError
from local.servicebus.server import Server
from local.servicebus.tokens import TokenChecker

DEFAULT_PORT = 5672


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.servicebus", description=__doc__)
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="TCP port, 0 for a free one")
    parser.add_argument("--data", type=Path, required=True, help="directory that holds the messages")
    parser.add_argument("--config", type=Path, default=DEFAULT_CONFIG, help="queue definitions (JSON)")
    parser.add_argument(
        "--sas-key",
        action="append",
        default=[],
        metavar="NAME=KEY",
        help="key that shared access signatures must be made with; repeatable; their form counts without one",
    )
    parser.add_argument("--jwks", help="key set that identity tokens must be signed with; their form counts without it")
    parser.add_argument("--verbose", action="store_true", help="log more")
    return parser.parse_args()


def sas_keys(given: list[str]) -> dict[str, str]:
    """Keys by name. Raises ConfigError for what is not NAME=KEY."""
    pairs = [text.partition("=") for text in given]
    if wrong := [name for name, _, key in pairs if not name or not key]:
        raise ConfigError(f"--sas-key needs NAME=KEY, not {wrong[0]!r}")
    return {name: key for name, _, key in pairs}


async def serve(config: NamespaceConfig, directory: Path, port: int, tokens: TokenChecker) -> None:
    """Serve until SIGTERM or SIGINT. Raises ConfigError, DirectoryInUse, StoreError or OSError if it cannot start."""
    server = Server(Broker(config, directory), tokens)
    bound = await server.listen(port)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    announce("servicebus", bound)
    await stopping.wait()
    await server.stop()


def main() -> int:
    arguments = parse_arguments()
    configure_logging(logging.DEBUG if arguments.verbose else logging.INFO)
    try:
        tokens = TokenChecker(sas_keys(arguments.sas_key), arguments.jwks)
        asyncio.run(serve(load_config(arguments.config), arguments.data, arguments.port, tokens))
    except (ConfigError, DirectoryInUse, StoreError, OSError) as error:
        logging.getLogger("local.servicebus").critical("cannot start: %s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
