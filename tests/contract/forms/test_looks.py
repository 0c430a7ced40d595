"""The message of a look comes back as it was; what was sent in the forms before it is still read."""

import json
from typing import Any

import pytest

from shared.application.work.look import Look, WorkKind
from shared.contracts.looks import decode_look, encode_look, look_of
from shared.contracts.messages import MessageError, decode_command, encode_command, encode_event
from tests.support.builders import a_command, an_event

COMMIT = "a" * 40
ALERT = "0123456789abcdef" * 2
LOOKS = [
    Look(kind=WorkKind.ALERT, key=ALERT),
    Look(kind=WorkKind.CHANGE, key=COMMIT),
    Look(kind=WorkKind.CHANGE, key="b" * 64),
    Look(kind=WorkKind.TRAINING, key="train-p001-c001-20251209-0a1b2c3d"),
    Look(kind=WorkKind.TRAINING, key="train-p001-c001-20251209-0a1b2c3d", serial=7),
    Look(kind=WorkKind.TASK, key="inference/2026-01-05/P001-C001"),
    Look(kind=WorkKind.PERIOD, key="performance/2024-02"),
    Look(kind=WorkKind.PERIOD, key="drift/2025-q4/again"),
    Look(kind=WorkKind.NOTICE, key=ALERT),
    Look(kind=WorkKind.DELIVERY, key=ALERT),
]


def body(message_kind: str, /, **data: Any) -> str:
    return json.dumps({"switchyard": {"v": 1, "kind": message_kind, "data": data}})


def test_every_kind_of_look_is_tried_here() -> None:
    assert {look.kind for look in LOOKS} == set(WorkKind)


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look.kind.value} {look.key[:12]}")
def test_a_look_comes_back_as_it_was(look: Look) -> None:
    """As text and as bytes."""
    assert decode_look(encode_look(look)) == look
    assert look_of(encode_look(look).encode()) == look


def test_everything_is_nested_under_one_key() -> None:
    """The Functions host copies top-level properties over the message's metadata, so there may be only one."""
    assert list(json.loads(encode_look(LOOKS[0]))) == ["switchyard"]


@pytest.mark.parametrize(
    ("old", "look"),
    [
        (
            body("AssessAlert", command_id=f"alert-{ALERT}", release_id="", serial=0, not_before=None, alert_key=ALERT),
            Look(kind=WorkKind.ALERT, key=ALERT),
        ),
        (body("TakeChange", change_id=COMMIT, tries=3), Look(kind=WorkKind.CHANGE, key=COMMIT)),
        (body("LookAtTraining", run_id="train-1", serial=None), Look(kind=WorkKind.TRAINING, key="train-1")),
        (body("LookAtTraining", run_id="train-1", serial=4), Look(kind=WorkKind.TRAINING, key="train-1", serial=4)),
        (
            body("LookAtTask", routine="inference", period="2026-01-05", circuit="P001-C001"),
            Look(kind=WorkKind.TASK, key="inference/2026-01-05/P001-C001"),
        ),
        (
            body("MakeTasks", routine="drift", period="2025-q4", again=True),
            Look(kind=WorkKind.PERIOD, key="drift/2025-q4/again"),
        ),
        (
            body("MakeTasks", routine="drift", period="2025-q4", again=False),
            Look(kind=WorkKind.PERIOD, key="drift/2025-q4"),
        ),
    ],
)
def test_a_message_that_was_sent_before_there_was_one_form_is_read(old: str, look: Look) -> None:
    """It waited on its queue while the version was deployed."""
    assert decode_look(old) == look


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"switchyard": {"v": 2, "kind": "Look", "data": {}}}',
        body("Look"),
        body("Look", kind="weather", key="x"),
        body("Look", kind="change", key="main"),
        body("Look", kind="change", key=COMMIT, tries=1),
        body("Look", kind="training", key=""),
        body("Look", kind="training", key="train-1", serial="4"),
        body("Look", kind="alert", key="../x"),
        body("Look", kind="task", key="weather/2026-01-05/P001-C001"),
        body("Look", kind="task", key="inference/2026-01/P001-C001"),
        body("Look", kind="task", key="inference/2026-01-05/../P001"),
        body("Look", kind="period", key="inference/2026-01-05/P001-C001"),
        body("TakeChange", change_id="main"),
        body("TakeChange", tries=1),
        body("LookAtTraining", run_id=""),
        body("LookAtTraining", run_id="train-1", serial="4"),
        body("LookAtTask", routine="inference", period="2026-01-05", circuit=5),
        body("MakeTasks", routine="weather", period="2026-01-05"),
        body("AssessAlert", alert_key="x"),
        " " * 300_000,
    ],
)
def test_a_look_that_cannot_be_meant_is_refused(text: str) -> None:
    """Neither as a look nor as something else."""
    with pytest.raises(MessageError):
        decode_look(text)
    with pytest.raises(MessageError):
        look_of(text)


def test_what_is_no_look_is_left_to_the_other_readers_of_a_queue() -> None:
    """The queue of effects carries commands as well."""
    command = encode_command(a_command())
    assert look_of(command) is None
    assert look_of(encode_event(an_event())) is None
    assert decode_command(command) == a_command()
    with pytest.raises(MessageError, match="kind Look"):
        decode_look(command)
