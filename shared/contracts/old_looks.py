"""Messages of looks as they were before there was one form for all kinds of work.

Nobody sends them any more. A message lives for 14 days on a queue, dead letters included: this file can go with the
first version that is deployed later than that after the one that brought `Look`.
"""

from typing import Any

from shared.application.work.look import Look, WorkKind
from shared.contracts.messages import MessageError

OLD_KINDS = {"AssessAlert", "TakeChange", "LookAtTraining", "LookAtTask", "MakeTasks"}


def read_old(kind: str, data: dict[str, Any]) -> Look:
    """The look that a message of an old kind means; its key is checked by the caller. Raises MessageError.

    A change's message counted its tries; they begin anew.
    """
    try:
        if kind == "AssessAlert":
            return Look(kind=WorkKind.ALERT, key=_text(data, "alert_key"))
        if kind == "TakeChange":
            return Look(kind=WorkKind.CHANGE, key=_text(data, "change_id"))
        if kind == "LookAtTraining":
            serial = data.get("serial")
            if serial is not None and type(serial) is not int:
                raise MessageError(f"{kind}: serial must be a number")
            return Look(kind=WorkKind.TRAINING, key=_text(data, "run_id"), serial=serial)
        period = f"{_text(data, 'routine')}/{_text(data, 'period')}"
        if kind == "LookAtTask":
            return Look(kind=WorkKind.TASK, key=f"{period}/{_text(data, 'circuit')}")
        return Look(kind=WorkKind.PERIOD, key=f"{period}/again" if data.get("again") is True else period)
    except KeyError as error:
        raise MessageError(f"{kind}: {error} is missing") from error


def _text(data: dict[str, Any], name: str) -> str:
    value = data[name]
    if not isinstance(value, str):
        raise MessageError(f"{name} must be a text")
    return value
