"""Why a job failed, as the run history tells it: for people, who would look it up there otherwise.

See docs/azure-facts.md#calls-and-paths. A batch job is a pipeline, whose own message only names the step that failed;
the step's message has the last line of the log.
"""

import logging
import re
from itertools import islice
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import AzureError

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

log = logging.getLogger(__name__)

CHARS_MAX = 300
STEPS_MAX = 5

_SECRET = re.compile(r"\b(sig|signature|accountkey|sharedaccesskey|token|password)=[\"']?[^\s&;,\"']+", re.IGNORECASE)


def last_error(client: "MLClient", job_name: str) -> str:
    """One printable line; empty where the service says nothing, or does not answer: the job's end counts without it."""
    runs: Any = client.jobs._runs_operations  # the client has no public way to a run's error
    try:
        steps = [str(each.name) for each in islice(runs.get_run_children(job_name), STEPS_MAX) if each is not None]
        told = (_message(runs.get_run_details(name)) for name in (*steps, job_name))
        return printable(next(filter(None, told), ""))
    except AzureError as error:
        log.info("why job %s failed could not be read: %s", job_name, error)
        return ""


def _message(details: Any) -> str:
    """The message of a run; its own error is inside the answer's one."""
    outer = getattr(details, "error", None)
    inner = getattr(outer, "error", None)
    return str(getattr(inner, "message", None) or "")


def printable(text: str) -> str:
    """The last line that says anything, without what could be a secret, short enough for a reason."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    shown = "".join(each for each in (lines[-1] if lines else "") if each.isprintable())
    shown = _SECRET.sub(r"\1=...", shown)
    return shown if len(shown) <= CHARS_MAX else f"{shown[: CHARS_MAX - 3]}..."
