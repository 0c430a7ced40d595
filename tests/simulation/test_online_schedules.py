"""Schedules of releases to online endpoints."""

import pytest

from tests.simulation.schedules import WORK_CHUNKS, of_work, run_seeds


@pytest.mark.parametrize("chunk", range(WORK_CHUNKS))
def test_whatever_fails_traffic_is_moved_by_whoever_holds_the_endpoint_and_goes_back_where_it_must(chunk: int) -> None:
    """It sums to 100 on deployments that are up; what served before is durable before the first change, and serves
    again wherever a release ends otherwise than well."""
    run_seeds("online", of_work(chunk))
