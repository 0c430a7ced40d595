"""Lines of the log that carry a number become metrics; nothing else does."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.metrics import get_meter_provider, set_meter_provider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from shared.adapters import telemetry
from shared.adapters.telemetry import MeasuringHandler
from shared.measures import DIMENSIONS, Metric, measured

log = logging.getLogger(__name__)
READER = InMemoryMetricReader()


@pytest.fixture(scope="module", autouse=True)
def _collected() -> None:
    """OpenTelemetry takes one provider in a process, as the worker sets it in Azure."""
    set_meter_provider(MeterProvider(metric_readers=[READER]))
    assert isinstance(get_meter_provider(), MeterProvider)


@pytest.fixture
def handler() -> Iterator[MeasuringHandler]:
    made = MeasuringHandler()
    log.addHandler(made)
    yield made
    log.removeHandler(made)


def collected() -> dict[tuple[str, tuple[tuple[str, Any], ...]], Any]:
    data = READER.get_metrics_data()
    return {
        (metric.name, tuple(sorted(point.attributes.items()))): point
        for resource in (data.resource_metrics if data else [])
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    }


def test_a_line_with_a_number_is_a_metric_with_its_dimensions(handler: MeasuringHandler) -> None:
    for value in (0.5, 1.5):
        log.warning("worse", extra=measured(Metric.EXCESS, value, circuit="P001/C001", rule="r", measure="mae"))

    dimensions = (("circuit_id", "C001"), ("measure", "mae"), ("plant_id", "P001"), ("rule", "r"))
    point = collected()["switchyard.excess", dimensions]
    assert (point.count, point.sum, point.max) == (2, 2.0, 1.5)


def test_a_line_without_a_number_is_none(handler: MeasuringHandler) -> None:
    before = collected().keys()

    log.warning("nothing", extra={"rule": "r"})

    assert collected().keys() == before


def test_what_cannot_be_counted_stops_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    def broken(name: str) -> Any:
        raise RuntimeError(f"no {name}")

    made = MeasuringHandler(broken)
    log.addHandler(made)
    try:
        log.warning("worse", extra=measured(Metric.FINDINGS))
    finally:
        log.removeHandler(made)

    assert "no findings" in capsys.readouterr().err


def test_setting_up_twice_counts_once_and_quiets_the_sdks() -> None:
    root = logging.getLogger()
    before = [each for each in root.handlers if isinstance(each, MeasuringHandler)]
    try:
        telemetry.set_up()
        telemetry.set_up()
        assert len([each for each in root.handlers if isinstance(each, MeasuringHandler)]) == max(1, len(before))
        assert {logging.getLogger(name).level for name in telemetry.QUIET} == {logging.WARNING}
    finally:
        for each in root.handlers[:]:
            if isinstance(each, MeasuringHandler) and each not in before:
                root.removeHandler(each)


def test_every_dimension_that_is_told_is_known() -> None:
    extra = measured(Metric.HELD, circuit="P001/C001", release_kind="model")

    assert {*extra} - {"measured", "measured_value"} <= set(DIMENSIONS)
