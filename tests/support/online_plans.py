"""A model that is served online, as a configuration describes it."""

from dataclasses import replace
from typing import Any

from shared.domain.online.model import ComparisonPlan, OnlinePlan, SidePlan, SlotLimits, TrafficPlan

NAME = "taxi-fare"


def an_online_plan(**changes: Any) -> OnlinePlan:
    """Two slots on each side; 30 % first, for a minute."""
    side = SidePlan(endpoint_name="taxi-fare-dev", slot="blue", instance_type="Standard_DS3_v2", instance_count=1)
    plan = OnlinePlan(
        name=NAME,
        model_name="taxi-fare",
        registry_model_name="taxi-fare-registered",
        environment_name="custom-tf-env",
        environment_version="1.5.0",
        code="pipelines/taxi_fare",
        scoring_script="score.py",
        slots=("blue", "green"),
        dev=side,
        production=replace(side, endpoint_name="taxi-fare-live", slot="green"),
        traffic=TrafficPlan(steps_pct=(30,), share_s=60),
        tests=SlotLimits(
            held_set="pipelines/taxi_fare/held_set.json",
            samples_max=10,
            p50_ms=100,
            p95_ms=200,
            p99_ms=300,
            error_max=1.0,
            failures_max_pct=0,
            answer_min=0,
            answer_max=500,
        ),
        comparison=ComparisonPlan(
            code="pipelines/taxi_fare",
            script="compare.py",
            compute="cpu-cluster",
            data_uri="azureml://datastores/sensor_lake/paths/taxi_fare/",
        ),
        branches=("integration",),
    )
    return replace(plan, **changes)
