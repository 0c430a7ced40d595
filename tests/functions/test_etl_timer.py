"""The timer of the load, as the host calls it."""

from collections.abc import Iterator

import azure.functions as func
import pytest

from shared import bootstrap
from shared.application.errors import PlatformErrored
from shared.settings import SettingsError
from tests.application.etl.test_load import THIS, Bench
from tests.functions.callers import function
from tests.functions.conftest import SETTINGS


class Fired(func.TimerRequest):
    """The timer, on time or late."""

    def __init__(self, *, past_due: bool) -> None:
        self._past_due = past_due

    @property
    def past_due(self) -> bool:
        return self._past_due

    @property
    def schedule_status(self) -> dict[str, str]:
        return {}

    @property
    def schedule(self) -> dict[str, str]:
        return {}


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    bootstrap.load_ports.provide(lambda: made.ports)
    yield made
    bootstrap.load_ports.provide(None)


async def fire(*, past_due: bool = False) -> None:
    await function("sensor_etl")(Fired(past_due=past_due))


async def test_a_late_timer_and_one_on_time_make_one_load(bench: Bench) -> None:
    await fire()
    await fire(past_due=True)
    assert list(bench.platform.submitted) == [THIS]


async def test_the_host_sees_that_nothing_was_submitted(bench: Bench) -> None:
    """It tries again, five times."""
    bench.platform.broken = True
    with pytest.raises(PlatformErrored):
        await fire()


async def test_an_app_without_a_table_says_which_setting_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    bootstrap.settings.cache_clear()
    with pytest.raises(SettingsError, match="SENSOR_TABLE"):
        await fire()
    bootstrap.settings.cache_clear()
