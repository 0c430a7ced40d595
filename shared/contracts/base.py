"""What crosses our HTTP border has in common."""

import json
import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict
from pydantic_core import PydanticCustomError

from shared.domain.errors import InvalidRequest

YEAR_MIN, YEAR_MAX = 1970, 2199
"""Of every day and moment that is said to us: far from the ends of the calendar, so that adding to them is safe."""

_ISO_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?([Zz]|[+-][0-9]{2}:?[0-9]{2})?"
)


class Contract(BaseModel):
    """Unknown fields are refused; values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


ContractT = TypeVar("ContractT", bound=BaseModel)
DayT = TypeVar("DayT", bound=date)


def in_bounds(day: DayT) -> DayT:
    """A day or a moment of YEAR_MIN to YEAR_MAX. Raises PydanticCustomError."""
    if not YEAR_MIN <= day.year <= YEAR_MAX:
        raise PydanticCustomError("years", f"the year must be {YEAR_MIN} to {YEAR_MAX}")
    return day


def _iso_time(value: object) -> object:
    """Pydantic would take `"5"` for five seconds of 1970."""
    if not isinstance(value, str):
        return value
    try:
        if _ISO_TIME.fullmatch(value):
            return datetime.fromisoformat(value.upper())
    except ValueError:
        pass  # the right shape, but no such moment: the error below says it
    raise PydanticCustomError("iso_time", "not a time with a time zone, written YYYY-MM-DDThh:mm:ssZ")


Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_iso_time),
    AfterValidator(in_bounds),
    AfterValidator(lambda moment: moment.astimezone(UTC)),
]
"""A time in a request: with a time zone, kept in UTC. Every request's times are of this type."""


def read_request(body: bytes, model: type[ContractT]) -> ContractT:
    """A request's JSON as `model`, strictly: no key twice, at any depth, and nothing turned into another type.

    Raises InvalidRequest or pydantic's ValidationError; both name the field.
    """
    try:
        json.loads(body, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"the body is no JSON: {error}") from error
    return model.model_validate_json(body, strict=True)


def check_once(body: bytes) -> None:
    """Raises InvalidRequest for a key that is there twice, at any depth; what is no JSON is for others to refuse."""
    try:
        json.loads(body, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise InvalidRequest(f"{double[:100]}: there twice; say it once")
    return found


def _no_constant(name: str) -> None:
    raise InvalidRequest(f"the body is no JSON: {name} is no number")
