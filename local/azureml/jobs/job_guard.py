"""Stands between the server and the process of a job, so that no job outlives its server.

The runner starts it as the leader of a process group: `python job_guard.py COMMAND...`. It waits for a word on its
standard input before it starts the job, so that its id is on disk before anything happens. From then on the pipe is
silent, and its end means that the server is gone, however it went: the whole group is killed.

Ends as the job ended; with 128 and its number after a signal. Uses the standard library only, and of that little.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

NOT_STARTED = 75
GO = b"go\n"
_STDIN = 0


def main() -> None:
    if os.read(_STDIN, len(GO)) != GO:
        sys.exit(NOT_STARTED)
    # The group is asked to end; the job may take its time, and the guard stays to report its exit code. A handler, and
    # not SIG_IGN, since the job would inherit that.
    signal.signal(signal.SIGTERM, lambda *_: None)
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    # The server hands down only what the job is to have.
    job = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, close_fds=False)  # nosec B603 # given by the runner
    status = job.wait()
    os._exit(status if status >= 0 else 128 - status)


def _end_with_the_server() -> None:
    while os.read(_STDIN, 1):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
