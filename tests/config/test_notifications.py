"""`config/notifications.yml`: what it takes, what it refuses, and what counts without it."""

import json
from datetime import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.adapters.config.check import checked
from shared.adapters.config.files import DiskTree
from shared.adapters.config.notifications import notifications_of
from shared.contracts.config.files import ConfigError
from shared.contracts.config.notifications import NotificationsConfig
from shared.domain.notifications.happening import What
from shared.domain.notifications.policy import APPROVERS
from shared.settings import APP_ROOT
from tests.support.configuration import configured

FILE = "notifications.yml"
RECIPIENT = {
    "name": "duty",
    "hears_as": ["on-call"],
    "channels": [{"kind": "mail", "to": "duty@example.com"}, {"kind": "webhook", "to": "pager"}],
    "quiet_hours": {"begins": "22:00", "ends": "06:30", "weekends": True},
    "digest_at": "09:15",
}


def problems(tmp_path: Path, **content: Any) -> list[str]:
    """What the check of a directory with this file says."""
    (tmp_path / FILE).write_text(json.dumps({"version": 1, **content}))
    _, found = checked(DiskTree(tmp_path))
    return [f"{each.field}: {each.reason}" for each in found if each.file.endswith(FILE)]


def test_without_rules_approvers_hear_of_gates_and_on_call_of_trouble() -> None:
    policy = notifications_of(NotificationsConfig(version=1))
    by_audience = {rule.to: rule.of for rule in policy.rules}

    assert by_audience[APPROVERS] == {What.GATE_OPENED, What.GATE_REMINDER, What.GATE_ESCALATED}
    assert by_audience["on-call"] >= {
        What.HELD, What.FAILED, What.ROLLING_BACK, What.BUDGET_MISSED, What.EXPIRED,
    }  # fmt: skip


def test_the_sample_says_what_counts_without_it() -> None:
    """So whoever reads the file reads the defaults."""
    sample = yaml.safe_load((APP_ROOT / "config" / FILE).read_text())

    assert notifications_of(NotificationsConfig.model_validate(sample)) == notifications_of(
        NotificationsConfig(version=1)
    )


def test_times_are_of_the_recipients_zone_or_of_the_files(tmp_path: Path) -> None:
    assert problems(tmp_path, recipients=[RECIPIENT], time_zone="Europe/Berlin") == []
    config = NotificationsConfig.model_validate({"version": 1, "time_zone": "Europe/Berlin", "recipients": [RECIPIENT]})
    [duty] = notifications_of(config).recipients

    assert (duty.zone, duty.digest_at) == ("Europe/Berlin", time(9, 15))
    assert duty.quiet is not None
    assert (duty.quiet.begins, duty.quiet.ends, duty.quiet.weekends) == (time(22), time(6, 30), True)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"time_zone": "Europe/Nowhere"}, "time_zone: no time zone of the IANA list"),
        ({"recipients": [{**RECIPIENT, "digest_at": "8:00"}]}, "digest_at: not a time of day"),
        ({"recipients": [{**RECIPIENT, "digest_at": "25:00"}]}, "digest_at: not a time of day"),
        ({"recipients": [RECIPIENT, RECIPIENT]}, "listed more than once: duty"),
        (
            {"recipients": [RECIPIENT, {**RECIPIENT, "name": "other"}]},
            "listed more than once: mail duty@example.com, webhook pager",
        ),
        ({"recipients": [{**RECIPIENT, "channels": [{"kind": "mail", "to": "pager"}]}]}, "is no address of the kind"),
        ({"recipients": [{**RECIPIENT, "channels": []}]}, "channels"),
        ({"rules": [{"to": "on-call", "of": ["everything"]}]}, "of"),
        ({"rules": [{"to": "on-call", "of": ["held"], "plants": ["P1"]}]}, "plants"),
        ({"mail": "x"}, "mail"),
    ],
)
def test_a_mistake_is_told_by_its_field(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    assert said in " ".join(problems(tmp_path, **changes))


def test_a_configuration_from_before_has_the_defaults(tmp_path: Path) -> None:
    """Commits that were taken before there was the file."""
    for path in (APP_ROOT / "config").rglob("*.yml"):
        copy = tmp_path / path.relative_to(APP_ROOT / "config")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    (tmp_path / FILE).unlink()

    assert configured(tmp_path).notifications == notifications_of(NotificationsConfig(version=1))

    (tmp_path / FILE).write_text("version: 2\n")
    with pytest.raises(ConfigError, match="version"):
        configured(tmp_path)
