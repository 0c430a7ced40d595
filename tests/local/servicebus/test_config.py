"""The queue definitions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local.servicebus.config import DEFAULT_CONFIG, ConfigError, load_config, parse_config


def config_of(**properties: Any) -> str:
    return json.dumps({"queues": [{"name": "q", **properties}]})


def test_the_default_definitions_are_those_of_the_project() -> None:
    """release-events has sessions and a one-minute lock, effects a five-minute lock; all detect duplicates."""
    queues = {queue.name: queue for queue in load_config(DEFAULT_CONFIG).queues}
    assert (queues["release-events"].requires_session, queues["release-events"].lock_s) == (True, 60)
    assert (queues["effects"].requires_session, queues["effects"].lock_s) == (False, 300)
    for queue in queues.values():
        assert queue.requires_duplicate_detection
        assert queue.duplicate_window_s == 600
        assert queue.max_delivery_count == 10


def test_what_is_left_out_has_azures_default() -> None:
    """A name is enough."""
    queue = parse_config(config_of(), "file").queues[0]
    assert (queue.lock_s, queue.max_delivery_count, queue.default_ttl_s) == (60, 10, None)
    assert not queue.requires_session
    assert not queue.requires_duplicate_detection


@pytest.mark.parametrize(("text", "seconds"), [("PT1M", 60), ("PT0.5S", 0.5), ("PT2M30S", 150), ("PT5M", 300)])
def test_durations_are_iso_8601(text: str, seconds: float) -> None:
    """Azure writes durations this way."""
    assert parse_config(config_of(lockDuration=text), "file").queues[0].lock_s == seconds


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"lockDuration": "60"}, "queues[0].lockDuration: must be an ISO 8601 duration"),
        ({"lockDuration": 60}, "queues[0].lockDuration: must be an ISO 8601 duration"),
        ({"lockDuration": "PT"}, "queues[0].lockDuration: must be an ISO 8601 duration"),
        ({"lockDuration": "PT6M"}, "queues[0].lockDuration: Input should be less than or equal to"),
        ({"lockDuration": "PT0S"}, "queues[0].lockDuration: Input should be greater than"),
        ({"maxDeliveryCount": 0}, "queues[0].maxDeliveryCount: Input should be greater than or equal to 1"),
        ({"maxDeliveryCount": "10"}, "queues[0].maxDeliveryCount: Input should be a valid integer"),
        ({"requiresSession": "yes"}, "queues[0].requiresSession: Input should be a valid boolean"),
        ({"enablePartitioning": True}, "queues[0].enablePartitioning: is not a property this broker knows"),
        ({"requires_session": True}, "queues[0].requires_session: is not a property this broker knows"),
        ({"name": "-q"}, "queues[0].name: must be 1-260 letters"),
    ],
)
def test_a_wrong_property_is_named_with_its_reason(properties: dict[str, Any], message: str) -> None:
    """Nothing is guessed and nothing is ignored."""
    with pytest.raises(ConfigError) as caught:
        parse_config(config_of(**properties), "queues.json")
    assert message in str(caught.value)
    assert str(caught.value).startswith("queues.json: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "Input should be"),
        ('{"queues": []}', "queues: "),
        ('{"queues": [{"name": "a"}, {"name": "A"}]}', "used twice"),
        ('{"queues": [{"name": "a"}], "topics": []}', "topics: is not a property this broker knows"),
    ],
)
def test_a_file_of_another_shape_is_refused(text: str, message: str) -> None:
    """The whole file is checked before anything is served."""
    with pytest.raises(ConfigError, match="(?s).*" + message):
        parse_config(text, "file")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A wrong path is told as such."""
    with pytest.raises(ConfigError, match=r"absent\.json"):
        load_config(tmp_path / "absent.json")
