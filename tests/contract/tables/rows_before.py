"""Rows of every kind as the code wrote them before all records had one form, in `rows_before.json`.

They stand for what lies in the tables of production: never write them anew.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from shared.adapters.tables.rows import Row, join_text


def _value(raw: dict[str, Any]) -> Any:
    return datetime.fromisoformat(raw["datetime"]) if set(raw) == {"datetime"} else raw


ROWS_BEFORE: list[Row] = json.loads(Path(__file__).with_suffix(".json").read_text(), object_hook=_value)


def text_of(row: Row) -> str:
    """The record's text, in whichever columns its kind has it."""
    return join_text("json", row) or join_text("run", row) or str(row["json"])


def is_kept(before: object, now: object) -> bool:
    """True when `now` says all that `before` says; fields that were added since may stand beside it."""
    if isinstance(before, dict) and isinstance(now, dict):
        return all(name in now and is_kept(value, now[name]) for name, value in before.items())
    if isinstance(before, list) and isinstance(now, list):
        return len(before) == len(now) and all(map(is_kept, before, now))
    return before == now
