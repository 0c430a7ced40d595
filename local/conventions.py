"""What every part of the local cloud does, whatever protocol it speaks.

Source of the rules: docs/local-cloud-contract.md.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import time
from pathlib import Path
from typing import IO, Any

LOOPBACK = "127.0.0.1"
"""Where every part listens, and nowhere else."""

_log = logging.getLogger("local.conventions")


class DirectoryInUse(Exception):
    """Another process works on the data directory; the text names it."""


def configure_logging(level: int = logging.INFO) -> None:
    """One line per record on standard error, with a UTC time stamp."""
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler])


def announce(part: str, port: int) -> None:
    """Write the readiness line, the only thing a part writes to standard output."""
    print(json.dumps({"ready": True, "part": part, "port": port}), flush=True)


def lock_directory(directory: Path, part: str) -> IO[str]:
    """Keep a data directory to this process while the handle is open. Raises `DirectoryInUse`.

    Two processes of a part on one directory would end each other's work; the system frees the lock of a killed one.
    """
    directory.mkdir(parents=True, exist_ok=True)
    handle = (directory / "lock").open("w")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.close()
        raise DirectoryInUse(f"{directory} is in use by another {part}; stop it or use another --data") from error
    return handle


def stop_if_broken(task: asyncio.Task[Any]) -> None:
    """End the process when `task` failed: a broken part must not look healthy, and its state is on disk."""
    if not task.cancelled() and (problem := task.exception()):
        _log.critical("%s failed; this part ends itself", task.get_name(), exc_info=problem)
        logging.shutdown()
        os._exit(1)


def write_atomically(file: Path, text: str, *, mode: int = 0o644) -> None:
    """Readers see the old text or the new one, never half of it."""
    beside = file.with_name(f"{file.name}.{os.getpid()}.new")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as stream:
        stream.write(text)
    os.replace(beside, file)
