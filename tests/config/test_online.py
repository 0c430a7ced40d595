"""The files of `config/online/`: what is refused, where, and what to write instead."""

import pytest
import yaml

from shared.adapters.config.check import checked
from shared.adapters.config.files import DiskTree, FileTree
from shared.adapters.config.online import online_of
from shared.contracts.config.files import ConfigError
from shared.settings import APP_ROOT

TAXI = "online/taxi-fare.yml"
TEXT = (APP_ROOT / "config" / TAXI).read_text(encoding="utf-8")


def problems(files: dict[str, str]) -> list[tuple[str, str, str]]:
    with pytest.raises(ConfigError) as refused:
        online_of(FileTree({path: text.encode() for path, text in files.items()}))
    return [(each.file, each.field, each.reason) for each in refused.value.problems]


def changed(section: str, field: str, value: object) -> str:
    config = yaml.safe_load(TEXT)
    (config[section] if section else config)[field] = value
    return yaml.safe_dump(config, sort_keys=False)


def test_the_file_of_the_repository_is_read() -> None:
    plans = online_of(DiskTree(APP_ROOT / "config"))

    assert plans["taxi-fare"].slots == ("blue", "green")
    assert plans["taxi-fare"].traffic.steps_pct == (30,)


@pytest.mark.parametrize(
    ("section", "field", "value", "reason"),
    [
        ("dev", "slot", "purple", "purple is not one of slots"),
        ("", "slots", ["blue", "blue", "green"], "listed more than once: blue"),
        ("traffic", "steps_pct", [50, 30], "each share must be larger than the one before it"),
        ("tests", "latency", {"p50_ms": 9, "p95_ms": 3, "p99_ms": 10}, "p50_ms, p95_ms and p99_ms must rise"),
        ("tests", "answers", {"lowest": 5, "highest": 5}, "lowest must be below highest"),
    ],
)
def test_what_contradicts_itself_is_refused_with_the_reason(
    section: str, field: str, value: object, reason: str
) -> None:
    ((file, _, told),) = problems({TAXI: changed(section, field, value)})

    assert file == f"config/{TAXI}"
    assert reason in told


def test_two_models_do_not_share_an_endpoint() -> None:
    """They would take each other's traffic."""
    found = problems({TAXI: TEXT, "online/other.yml": TEXT})

    assert [(file, field) for file, field, _ in found] == [
        ("config/online/taxi-fare.yml", "dev.endpoint_name"),
        ("config/online/taxi-fare.yml", "production.endpoint_name"),
        ("config/online/taxi-fare.yml", "model.registry_name"),
    ]


def test_a_file_that_is_named_otherwise_is_a_mistake() -> None:
    ((file, _, reason),) = problems({"online/Taxi Fare.yaml": TEXT})

    assert (file, reason) == ("config/online/Taxi Fare.yaml", "not the file of a model")


def test_validating_a_directory_finds_them() -> None:
    files = {
        path.relative_to(APP_ROOT / "config").as_posix(): path.read_bytes()
        for path in (APP_ROOT / "config").rglob("*.yml")
    }
    _, found = checked(FileTree({**files, TAXI: changed("dev", "slot", "purple").encode()}))

    assert [each.file for each in found] == [f"config/{TAXI}"]
