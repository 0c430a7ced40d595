"""Completed is not enough: what the output of a job has to be so that it counts as good."""

from dataclasses import replace
from datetime import date

import pytest

from shared.domain.predictions import (
    RANGES_TAG,
    Predicted,
    PredictionQuality,
    baseline_of,
    judged,
    plausible_ranges,
    ranges_of,
    ranges_text,
)
from shared.domain.tags import TAG_CHARS_MAX

DAY = date(2026, 1, 5)
GOOD = Predicted(day=DAY, rows=24, columns={"temperature": (55.0, 63.5), "pressure": (4.5, 5.5)})
RANGES = {"temperature": (40.0, 80.0), "pressure": (0.0, 10.0)}


def test_good_output_is_told_with_its_numbers() -> None:
    found = judged(GOOD, RANGES, DAY)
    assert found.quality is PredictionQuality.GOOD
    assert found.told == (
        "24 rows of 2026-01-05, pressure 4.5 to 5.5, temperature 55 to 63.5; within the plausible range"
    )


@pytest.mark.parametrize("known", [{}, {"temperature": (40.0, 80.0)}])
def test_where_the_model_brings_no_range_the_facts_warn(known: dict[str, tuple[float, float]]) -> None:
    """Of every feature: half a range is none."""
    found = judged(GOOD, known, DAY)
    assert found.quality is PredictionQuality.GOOD
    assert found.told.endswith("; range not known")


def test_a_range_of_a_feature_that_is_not_predicted_is_a_warning() -> None:
    found = judged(GOOD, {**RANGES, "presure": (0.0, 10.0)}, DAY)
    assert found.quality is PredictionQuality.GOOD
    assert found.told.endswith("; range not known: the model names one for presure, which it does not predict")


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (replace(GOOD, rows=0, columns={}), "no rows"),
        (replace(GOOD, columns={}), "no column of values"),
        (replace(GOOD, no_numbers=1), "1 predicted values are no numbers"),
        (replace(GOOD, other_days=3), "3 rows are of other days"),
        (replace(GOOD, other_circuits=2), "2 rows are of another circuit's sensor"),
        (replace(GOOD, day=date(2026, 1, 4)), "are of 2026-01-04 and not of 2026-01-05"),
        (
            replace(GOOD, columns={"temperature": (39.9, 60.0)}),
            "from 39.9 to 60, and plausible is 40 to 80",
        ),
        (
            replace(GOOD, columns={"temperature": (41.0, 80.1)}),
            "from 41 to 80.1, and plausible is 40 to 80",
        ),
    ],
)
def test_output_that_is_there_and_of_no_use_is_bad(bad: Predicted, said: str) -> None:
    found = judged(bad, RANGES, DAY)
    assert found.quality is PredictionQuality.BAD
    assert said in found.told


def test_output_that_is_not_there_is_for_people_to_judge() -> None:
    found = judged(None, RANGES, DAY)
    assert found.quality is PredictionQuality.UNCLEAR
    assert found.told.startswith("there is no file of predictions for 2026-01-05: the table has no usable rows")


def test_the_bounds_of_a_range_belong_to_it() -> None:
    assert judged(replace(GOOD, columns={"temperature": (40.0, 80.0)}), RANGES, DAY).quality is PredictionQuality.GOOD


def test_ranges_are_read_from_a_tag() -> None:
    assert ranges_of({RANGES_TAG: "temperature=40:80, pressure = 0:1e1"}) == RANGES


@pytest.mark.parametrize(
    "text",
    ["", "temperature", "temperature=40", "t=80:40", "t=nan:1", "=1:2", "t=1:2,p=x:y", "t=1:2,t=3:4", "t=1_0:2_0"],
)
def test_a_tag_that_cannot_be_understood_is_no_range(text: str) -> None:
    """Shown as unknown: a typing mistake in a tag must not fail a model."""
    assert ranges_of({RANGES_TAG: text}) == {}


def test_the_range_of_training_is_read_back_from_the_models_tag() -> None:
    """Mean and standard deviation are in the unit of the feature."""
    ranges = plausible_ranges({"temperature": 60.0, "pressure": 5.0}, {"temperature": 2.5, "pressure": 0.25})
    text = ranges_text(ranges)
    assert text == "temperature=40:80,pressure=3:7"
    assert ranges_of({RANGES_TAG: text}) == ranges


def test_features_that_find_no_place_in_the_tag_have_no_known_range() -> None:
    """Azure ML would refuse the model for a tag that is too long; half a range would be a wrong one."""
    ranges = {f"feature_number_{number}": (0.0, float(number + 1)) for number in range(30)}
    text = ranges_text(ranges)
    assert len(text) <= TAG_CHARS_MAX
    kept = ranges_of({RANGES_TAG: text})
    assert kept == dict(list(ranges.items())[: len(kept)])
    assert 0 < len(kept) < 30


@pytest.mark.parametrize(
    ("tags", "known"),
    [
        ({"mae": "0.1", "rmse": "0.2", "r2": "0.9"}, {"mae": 0.1, "rmse": 0.2}),
        ({}, {}),
        ({"mae": "0", "rmse": "-1"}, {}),
        ({"mae": "nan", "rmse": "inf"}, {}),
        ({"mae": "unknown", "rmse": ""}, {}),
        ({"mae": "1_0", "rmse": "\N{ARABIC-INDIC DIGIT ONE}"}, {}),
        ({"mae": "1e-320", "rmse": " 2e-1 "}, {"rmse": 0.2}),
    ],
)
def test_errors_at_release_are_numbers_above_zero(tags: dict[str, str], known: dict[str, float]) -> None:
    """Nothing can be so many percent worse than nothing."""
    assert baseline_of(tags) == known
