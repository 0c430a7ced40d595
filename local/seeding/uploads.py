"""Keeps a screen whole while the Azure ML client uploads."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from typing import TextIO

_NOISE = "\x1b[39m\n"  # the client ends each upload by setting back a colour that it never set, and with an empty line


@contextmanager
def quiet_uploads() -> Iterator[None]:
    """Leave out what the client writes to standard error after each upload; everything else passes.

    For the main thread only, since it exchanges `sys.stderr` of the process; the uploads may be in any thread.
    """
    with redirect_stderr(_WithoutNoise(sys.stderr)):
        yield


class _WithoutNoise(io.TextIOBase):
    def __init__(self, target: TextIO) -> None:
        self._target = target
        self._of_thread = threading.local()

    def write(self, text: str) -> int:
        """`print` writes the text, and then the end of the line by itself."""
        after_noise, self._of_thread.after_noise = getattr(self._of_thread, "after_noise", False), text == _NOISE
        if text != _NOISE and not (after_noise and text == "\n"):
            self._target.write(text)
        return len(text)

    def flush(self) -> None:
        self._target.flush()
