"""Every request of the HTTP API is read strictly: nothing twice, nothing turned into another type, no odd times."""

import importlib
import json
import pkgutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from shared.contracts import http
from shared.contracts.base import YEAR_MAX, YEAR_MIN, Contract, read_request
from shared.contracts.http.freezes import FreezeRequest
from shared.contracts.http.releases import DecisionRequest
from shared.contracts.http.training import TrainingWish
from shared.domain.errors import InvalidRequest

API = Path(__file__).resolve().parents[3] / "docs" / "openapi.json"

FILLED: dict[str, dict[str, Any]] = {
    "DecisionRequest": {"decision": "approve", "digest": "0" * 64, "reason": "fine"},
    "EnvironmentReleaseRequest": {"version": "1.5.1", "reason": "fine"},
    "FreezeRequest": {
        "scope": "P001",
        "reason": "x",
        "until": "2026-01-05T10:00:00Z",
        "starts_at": "2026-01-05T09:00:00+01:00",
    },
    "GateDecisions": {
        "decisions": [{"release_id": "rel-1", "stage": "registry", "digest": "0" * 64, "decision": "approve"}],
        "reason": "fine",
    },
    "InferenceRequest": {"date": "2026-01-31", "again": True},
    "LiftRequest": {"reason": "done"},
    "ModelReleaseRequest": {"name": "sensor_model_P001_C001", "version": "7", "reason": "its event was lost"},
    "MonitoringRequest": {"check": "drift", "period": "2026-q1", "again": False},
    "OnlineReleaseRequest": {
        "model": "taxi-fare",
        "version": "3",
        "branch": "integration",
        "commit": "0c1d2e3",
        "comparison_run": "compare-1",
        "compare_only": True,
        "slots": {"dev": "blue"},
        "reason": "better",
    },
    "ReasonRequest": {"reason": "done"},
    "RollbackRequest": {"reason": "wrong", "critical": True},
    "TrainingWish": {"plant_id": "P001", "circuit_id": "C001", "cutoff_date": "2025-12-09"},
}
"""Each with every field it can have at once."""


def _requests() -> dict[str, type[BaseModel]]:
    """The models that the description of the API names as bodies."""
    for module in pkgutil.iter_modules(http.__path__, f"{http.__name__}."):
        importlib.import_module(module.name)
    waiting, known = [Contract], {}
    while waiting:
        known |= {each.__name__: each for each in waiting}
        waiting = [below for each in waiting for below in each.__subclasses__()]
    paths = json.loads(API.read_text(encoding="utf-8"))["paths"]
    bodies = [
        each["requestBody"]["content"] for ways in paths.values() for each in ways.values() if "requestBody" in each
    ]
    named = {form["schema"].get("$ref", "").rpartition("/")[2] for body in bodies for form in body.values()}
    return {name: known[name] for name in sorted(named - {""})}


REQUESTS = _requests()


def read(model: type[BaseModel], said: object) -> BaseModel:
    return read_request(json.dumps(said).encode(), model)


def refusal(model: type[BaseModel], body: bytes) -> str:
    with pytest.raises((InvalidRequest, ValidationError)) as refused:
        read_request(body, model)
    return str(refused.value)


def test_every_request_of_the_api_is_tried() -> None:
    assert set(FILLED) == set(REQUESTS)


@pytest.mark.parametrize("name", FILLED)
def test_a_request_that_is_in_order_is_read_as_it_is(name: str) -> None:
    assert set(read(REQUESTS[name], FILLED[name]).model_fields_set) == set(FILLED[name])


@pytest.mark.parametrize("name", FILLED)
def test_a_key_that_is_there_twice_is_refused_by_its_name(name: str) -> None:
    """The last one would win, and a person would read the first."""
    for key, value in FILLED[name].items():
        body = json.dumps(FILLED[name])[:-1] + f", {json.dumps(key)}: {json.dumps(value)}}}"
        assert f"{key}: there twice" in refusal(REQUESTS[name], body.encode())


@pytest.mark.parametrize(
    "body",
    [
        b'{"reason": "x", "more": {"a": 1, "a": 1}}',
        b'{"reason": "x", "more": [[{"\\u0061": 1, "a": 1}]]}',
        b'{"reason": NaN}',
        b'{"reason": "x"',
        b"[" * 100_000,
        b"\xff",
        b"",
    ],
)
def test_a_body_that_is_no_plain_json_is_a_bad_request(body: bytes) -> None:
    refusal(REQUESTS["LiftRequest"], body)


OTHERS = [
    "",
    "5",
    "true",
    "2026-01-05",
    "2026-01-05T10:00:00Z",
    0,
    1,
    5,
    -1,
    1.5,
    0.0,
    True,
    False,
    None,
    [],
    {},
    ["a"],
]


def _said(value: object) -> object:
    """A value as JSON says it; times and days compare as such."""
    return value.isoformat() if isinstance(value, date) else value


@pytest.mark.parametrize("name", FILLED)
@pytest.mark.parametrize("other", OTHERS, ids=repr)
def test_a_value_of_another_type_is_refused_by_the_name_of_its_field_and_never_turned(name: str, other: object) -> None:
    for key in FILLED[name]:
        try:
            found = getattr(read(REQUESTS[name], FILLED[name] | {key: other}), key)
        except ValidationError as refused:
            named = {str(each["loc"][0]) for each in refused.errors() if each["loc"]}
            if not named <= {key}:
                raise AssertionError(f"{key} was wrong, and {named} are named") from refused
        else:
            said = datetime.fromisoformat(str(other)).astimezone(UTC) if isinstance(found, datetime) else other
            assert (_said(found), type(_said(found))) == (_said(said), type(_said(said)))


def test_whole_hours_are_hours() -> None:
    """JSON has one type for numbers."""
    wish = read_request(b'{"scope": "P001", "reason": "x", "hours": 5}', FreezeRequest)

    assert wish.hours == 5.0


@pytest.mark.parametrize("hours", ['"5"', "true", "1e999", '"nan"', "[5]"])
def test_hours_that_are_no_number_are_refused(hours: str) -> None:
    assert "hours" in refusal(FreezeRequest, f'{{"scope": "P001", "reason": "x", "hours": {hours}}}'.encode())


def test_the_last_of_two_decisions_does_not_win() -> None:
    body = f'{{"decision": "reject", "digest": "{"0" * 64}", "reason": "no", "decision": "approve"}}'

    assert "decision: there twice" in refusal(DecisionRequest, body.encode())


ODD_TIMES = [
    "9999-12-31T23:59:59-14:00",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+14:00",
    "0001-01-01T00:00:00Z",
    f"{YEAR_MIN - 1}-12-31T23:59:59Z",
    f"{YEAR_MAX + 1}-01-01T00:00:00Z",
    "2026-01-05T10:00:00",
]


@pytest.mark.parametrize("odd", ODD_TIMES)
@pytest.mark.parametrize("name", FILLED)
def test_a_time_at_the_ends_of_the_calendar_is_refused_by_the_name_of_its_field(name: str, odd: str) -> None:
    fields = [
        key for key, value in FILLED[name].items() if "T" in str(value) and "Z" in f"{value}Z" and ":" in str(value)
    ]
    for key in fields:
        assert key in refusal(REQUESTS[name], json.dumps(FILLED[name] | {key: odd}).encode())


@pytest.mark.parametrize("odd", ["9999-12-31", "0001-01-01", "2026-02-30", 0, 1767225600])
def test_a_day_at_the_ends_of_the_calendar_or_a_number_is_refused(odd: object) -> None:
    wish = FILLED["TrainingWish"] | {"cutoff_date": odd}

    assert "cutoff_date" in refusal(TrainingWish, json.dumps(wish).encode())


def test_no_request_has_a_time_without_bounds() -> None:
    """A new field with a time is of the type that has them: each is tried with the ends of the calendar."""
    for name, model in REQUESTS.items():
        for key, schema in model.model_json_schema()["properties"].items():
            forms = {each.get("format") for each in (schema, *schema.get("anyOf", ()))}
            if forms & {"date-time", "date"}:
                end = "9999-12-31" + ("T23:59:59-14:00" if "date-time" in forms else "")
                assert key in refusal(model, json.dumps(FILLED[name] | {key: end}).encode())


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.datetimes().map(str),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(FILLED)), st.data())
def test_any_body_is_read_or_refused_and_nothing_else_happens(name: str, data: st.DataObject) -> None:
    body = FILLED[name] | data.draw(st.dictionaries(st.sampled_from([*FILLED[name], "more"]), _JSON, max_size=3))
    try:
        found = read(REQUESTS[name], body)
    except (InvalidRequest, ValidationError):
        return

    assert found.model_dump_json()
