"""A process that has imported what the jobs of an environment version need, and forks one child per job.

Started by the pool (`warm.py`) as `python -P warm_template.py CONTROL MODULE...`, with the environment version's folder
on the PYTHONPATH; CONTROL is the number of an inherited socket. Each byte on it brings a connection and two log files,
and its end ends the template. Only imports happen here: no thread is started and nothing is computed, so that a fork
is a good copy.

Per job there are two processes, as with `job_guard.py`: a guard, which leads a session and group of its own, reads the
request (a line of JSON) from the connection, answers with its id, and waits for the word to go; and the job, which
the guard forks. The guard answers with the job's exit code, or kills the group when the connection ends. Neither needs
the template any more. Uses the standard library only.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Mapping
from typing import Any, NoReturn

NOT_STARTED = 75
GO = b"go\n"  # as in job_guard.py, which cannot be imported from here


def main() -> None:
    before = dict(os.environ)
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    for module in sys.argv[2:]:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()  # collections in a job leave the pages it shares with the template alone
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the guards are on their own
    while True:
        word, files, _, _ = socket.recv_fds(control, 1, 3)
        if not word:
            return
        if os.fork() == 0:
            control.close()
            request = _guard(*files)
            _become(request, {name: value for name, value in os.environ.items() if before.get(name) != value})
            _leave(_run(list(request["arguments"])))
        for file in files:
            os.close(file)


def _guard(connection_file: int, out: int, err: int) -> dict[str, Any]:
    """Returns in the job, with its request; the guard itself ends here."""
    os.setsid()
    for log, standard in ((out, 1), (err, 2)):
        os.dup2(log, standard)
        os.close(log)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    connection = socket.socket(fileno=connection_file)
    with connection.makefile("rb", buffering=0) as lines:
        request: dict[str, Any] = json.loads(lines.readline())
        connection.sendall(b"%d\n" % os.getpid())
        if lines.readline() != GO:
            os._exit(NOT_STARTED)
    job = os.fork()
    if job == 0:
        connection.close()
        return request
    signal.signal(signal.SIGTERM, lambda *_: None)  # the group is asked to end; the guard stays to report the exit code
    threading.Thread(target=_end_with_the_server, args=(connection,), daemon=True).start()
    code = os.waitstatus_to_exitcode(os.waitpid(job, 0)[1])
    connection.sendall(b"%d\n" % (code if code >= 0 else 128 - code))
    os._exit(0)


def _end_with_the_server(connection: socket.socket) -> None:
    while connection.recv(1):
        pass
    os.killpg(0, signal.SIGKILL)


def _become(request: Mapping[str, Any], imported: Mapping[str, str]) -> None:
    """Set folder, variables, streams and paths as in a fresh process; `imported` are variables the imports set."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(request["cwd"])
    variables = {**imported, **request["variables"]}
    os.environ.clear()
    os.environ.update(variables)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(write_through=True)  # type: ignore[union-attr] # as PYTHONUNBUFFERED would have it
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()  # or every job would draw the same numbers
    first = [request["cwd"]] if request["arguments"][0] == "-m" else []
    paths = [*first, *filter(None, variables["PYTHONPATH"].split(os.pathsep))]
    sys.path[:] = [*paths, *(path for path in sys.path if path not in paths)]


def _run(arguments: list[str]) -> int:
    """Run what `python ARGUMENTS` would run; returns its exit code."""
    try:
        if arguments[0] == "-m":
            sys.argv = arguments[1:]
            sys.modules.pop(arguments[1], None)  # it is going to be __main__, as in a fresh process
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = arguments
            runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return (end.code or 0) & 0xFF
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:  # the end of the process, whatever it was
        traceback.print_exc()
        return 1
    return 0


def _leave(code: int) -> NoReturn:
    """End the process as multiprocessing ends its own: taking down TensorFlow's modules one by one takes 0.8 s."""
    threading._shutdown()  # type: ignore[attr-defined] # waits for the threads that are to be waited for
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
