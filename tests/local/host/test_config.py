"""host.json, app settings and keys are read as the platform reads them, and refused with a reason."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.host.hostjson import HostJsonError, ServiceBusOptions, load_host_config
from local.host.keys import KeyRing, Level
from local.host.settings import SettingsError, apply_settings, install_redirect, resolve


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    """Put the environment back: reading settings is what changes it."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def host_json(directory: Path, **document: Any) -> Path:
    (directory / "host.json").write_text(json.dumps({"version": "2.0", **document}))
    return directory


def test_an_empty_host_json_means_the_defaults(tmp_path: Path) -> None:
    """Prefix api, half an hour, small concurrency."""
    config = load_host_config(host_json(tmp_path))
    assert (config.route_prefix, config.function_timeout_s) == ("api", 1800)
    assert (config.service_bus.max_concurrent_sessions, config.service_bus.max_concurrent_calls) == (8, 16)


def test_the_settings_of_host_json_are_read(tmp_path: Path) -> None:
    """Names are those of the Service Bus extension 5.x, in any case."""
    bus = {
        "AutoCompleteMessages": False,
        "maxConcurrentCalls": 3,
        "maxConcurrentSessions": 2,
        "maxAutoLockRenewalDuration": "-00:00:00.0010000",
        "sessionIdleTimeout": "00:00:00.250",
        "prefetchCount": 5,
    }
    extensions = {"http": {"routePrefix": ""}, "serviceBus": bus}
    config = load_host_config(host_json(tmp_path, functionTimeout="01:00:05", extensions=extensions))
    assert (config.route_prefix, config.function_timeout_s) == ("", 3605)
    assert config.service_bus == ServiceBusOptions(
        auto_complete=False,
        max_concurrent_calls=3,
        max_concurrent_sessions=2,
        max_auto_lock_renewal_s=None,
        session_idle_timeout_s=0.25,
        prefetch_count=5,
    )


def test_an_app_setting_overrides_host_json(tmp_path: Path) -> None:
    """The local cloud needs other values than production, and the app stays unmodified."""
    os.environ |= {
        "AzureFunctionsJobHost__extensions__serviceBus__maxConcurrentSessions": "5",
        "AZUREFUNCTIONSJOBHOST__FUNCTIONTIMEOUT": "-1",
    }
    config = load_host_config(host_json(tmp_path, functionTimeout="00:00:10"))
    assert (config.service_bus.max_concurrent_sessions, config.function_timeout_s) == (5, None)


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ({"version": "1.0"}, "version"),
        ({"functionTimeout": "soon"}, "functionTimeout"),
        ({"functionTimeout": "00:00:00.5"}, "functionTimeout"),
        ({"extensions": {"serviceBus": {"maxConcurrentCalls": 0}}}, "extensions.serviceBus.maxConcurrentCalls"),
        ({"extensions": {"serviceBus": {"autoCompleteMessages": "maybe"}}}, "autoCompleteMessages"),
        ({"extensions": {"serviceBus": []}}, "extensions.serviceBus"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, document: dict[str, Any], named: str) -> None:
    """By its key in the file."""
    with pytest.raises(HostJsonError, match=named):
        load_host_config(host_json(tmp_path, **document))


def test_settings_go_to_the_environment_and_into_bindings(tmp_path: Path) -> None:
    """The file wins over what was set before."""
    os.environ["TEST_QUEUE"] = "old"
    path = tmp_path / "settings.json"
    path.write_text(json.dumps({"Values": {"TEST_QUEUE": "effects"}}))
    assert apply_settings(path) == 1
    assert resolve("%TEST_QUEUE%/$DeadLetterQueue") == "effects/$DeadLetterQueue"


def test_an_unset_reference_is_an_error() -> None:
    """The platform does not start such a function either."""
    with pytest.raises(SettingsError, match="TEST_NOT_SET"):
        resolve("%TEST_NOT_SET%")


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"Values": {"A": 1}}'])
def test_a_settings_file_of_another_shape_is_refused(tmp_path: Path, content: str) -> None:
    """Values are text, as in Azure."""
    path = tmp_path / "settings.json"
    path.write_text(content)
    with pytest.raises(SettingsError, match="settings"):
        apply_settings(path)


@pytest.mark.parametrize("value", ["{", "[]", '{"queue": "http://127.0.0.1:1"}'])
def test_a_wrong_redirect_is_refused(value: str) -> None:
    """A redirect that is silently left out would reach for Azure."""
    os.environ["SWITCHYARD_LOCAL_REDIRECT"] = value
    with pytest.raises(SettingsError, match="SWITCHYARD_LOCAL_REDIRECT"):
        install_redirect()


def test_keys_are_made_once_and_kept(tmp_path: Path) -> None:
    """In a file that only its owner reads."""
    path = tmp_path / "keys.json"
    first = KeyRing.open(path, None, ["one"])
    second = KeyRing.open(path, None, ["one", "two"])
    assert (first.master, first.system, first.functions["one"]) == (
        second.master,
        second.system,
        second.functions["one"],
    )
    assert len({first.master, first.host["default"], first.system["eventgrid_extension"]}) == 3
    assert path.stat().st_mode & 0o077 == 0
    assert second.access(second.functions["two"]["default"], "two").level is Level.FUNCTION


def test_a_function_key_opens_its_own_function_only(tmp_path: Path) -> None:
    """For another function it is no key at all."""
    ring = KeyRing.open(tmp_path / "keys.json", None, ["one", "two"])
    assert ring.access(ring.functions["one"]["default"], "two").level is Level.ANONYMOUS


def test_preset_keys_replace_the_stored_ones(tmp_path: Path) -> None:
    """So that several hosts can share them."""
    path, preset = tmp_path / "keys.json", tmp_path / "preset.json"
    KeyRing.open(path, None, [])
    preset.write_text(json.dumps({"master": "chosen"}))
    assert KeyRing.open(path, preset, []).master == "chosen"
    assert KeyRing.open(path, None, []).master == "chosen"


def test_a_damaged_keys_file_is_not_replaced(tmp_path: Path) -> None:
    """New keys would silently lock everybody out."""
    path = tmp_path / "keys.json"
    path.write_text("{")
    with pytest.raises(ValueError, match="keys file"):
        KeyRing.open(path, None, [])
    assert path.read_text() == "{"
