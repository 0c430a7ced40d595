"""Command line of the local Functions host: `python -m local.host --app DIR --port P --data DIR`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import NoReturn

from local.host.app import HostOptions
from local.host.logs import configure_logging
from local.host.server import HostProcess
from local.host.settings import SettingsError, apply_settings

EXIT_USAGE = 2


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.host", description=__doc__)
    parser.add_argument("--app", type=Path, required=True, help="directory with host.json and function_app.py")
    parser.add_argument("--port", type=int, default=7071, help="port on 127.0.0.1; 0 picks a free one")
    parser.add_argument("--data", type=Path, required=True, help="directory for keys and timer status")
    parser.add_argument("--settings", type=Path, help='app settings: a file {"Values": {...}}')
    parser.add_argument("--functions", help="serve only these functions, separated by commas")
    parser.add_argument("--keys", type=Path, help="keys to use, in the format of DATA/keys.json")
    parser.add_argument("--log-level", default="INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR"))
    return parser.parse_args()


async def _serve(process: HostProcess) -> NoReturn:
    """Serve, then leave at once: a thread that a function never gives back must not keep the process alive."""
    code = await process.run()
    sys.stdout.flush()
    logging.shutdown()
    os._exit(code)


def main() -> int:
    """Run the host; returns only if it could not start."""
    arguments = _arguments()
    configure_logging(arguments.log_level)
    data_dir: Path = arguments.data.resolve()
    data_dir.mkdir(parents=True, exist_ok=True)
    try:
        if arguments.settings:
            apply_settings(arguments.settings)
        functions = arguments.functions.split(",") if arguments.functions else None
        process = HostProcess(
            HostOptions(
                app_dir=arguments.app.resolve(),
                data_dir=data_dir,
                port=arguments.port,
                functions=tuple(name.strip() for name in functions) if functions else None,
                keys_preset=arguments.keys.resolve() if arguments.keys else None,
            )
        )
        asyncio.run(_serve(process))
    except (SettingsError, OSError, ValueError, RuntimeError) as error:
        logging.getLogger("host").critical("cannot start: %s", error)
    return EXIT_USAGE


if __name__ == "__main__":
    sys.exit(main())
