"""What a job predicted, and whether that will do: a job that Azure ML calls completed may have made nothing of use.

See R-INF-8: what was produced counts, not how the job ended. Good, bad and "nobody can tell" have different next steps.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from shared.domain.tags import TAG_CHARS_MAX, number_of

RANGES_TAG = "prediction_ranges"
"""Tag of a model and of its deployments: the values that are plausible, `temperature=40:80,pressure=0:10`."""

BASELINE_MEASURES = "mae", "rmse"
"""Tags of a model: its errors on the rows that training held back, in standard deviations of a feature."""

JUDGED_BY_TAGS = RANGES_TAG, *BASELINE_MEASURES
"""Tags of a model that its deployments carry too: daily inference and monitoring judge it by them."""

ERROR_MIN = 1e-6
"""No model is so good, in standard deviations of a feature: what a tag says below that is a mistake, and any error
would be beyond all bounds worse."""

PLAUSIBLE_DEVIATIONS = 8.0
"""How far from its mean in training a predicted value may be. Readings of 200 sensors stay within four or five standard
deviations; a wrong unit or a network that diverged goes far beyond."""

RANGES_UNKNOWN = "range not known"
COLUMNS_TOLD = 4

Range = tuple[float, float]
"""Lowest and highest value, both included, in the unit of the feature."""


class PredictionQuality(StrEnum):
    """What is to be thought of the output of a completed job."""

    GOOD = "good"
    BAD = "bad"  # it is there and of no use: no rows, no numbers, another day, or values that cannot be
    UNCLEAR = "unclear"  # it is not there, or cannot be read: people have to look


@dataclass(frozen=True, kw_only=True)
class Predicted:
    """One circuit's file of predictions for one day, as it was read.

    `other_days` counts rows of any other day, `other_circuits` those that say they are of another circuit's sensor,
    `no_numbers` values that are missing, NaN or infinite; `columns` are the lowest and highest number of each predicted
    feature that has any number.
    """

    day: date
    rows: int
    other_days: int = 0
    other_circuits: int = 0
    no_numbers: int = 0
    columns: Mapping[str, Range] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The judgement, and the facts it rests on in words for people."""

    quality: PredictionQuality
    told: str


def judged(found: Predicted | None, ranges: Mapping[str, Range], day: date | None = None) -> Judged:
    """Judges a file; None when there is none. `day` is the wanted one, `ranges` are what the model says is plausible:
    where it says nothing the judgement warns that the range is not known."""
    if found is None:
        wanted = f" for {day}: the table has no usable rows of that day, or they were not written" if day else ""
        return Judged(quality=PredictionQuality.UNCLEAR, told=f"there is no file of predictions{wanted}")
    told = f"{found.rows} rows of {found.day}"
    if columns := _columns(found.columns):
        told = f"{told}, {columns}"
    if problem := _problem(found, ranges, day):
        return Judged(quality=PredictionQuality.BAD, told=f"{problem} ({told})")
    return Judged(quality=PredictionQuality.GOOD, told=f"{told}; {_compared(found, ranges)}")


def plausible_ranges(mean: Mapping[str, float], deviation: Mapping[str, float]) -> dict[str, Range]:
    """The plausible range of each feature by its mean and its standard deviation in training, both in its unit."""
    wide = {name: PLAUSIBLE_DEVIATIONS * deviation[name] for name in mean}
    return {name: (mean[name] - wide[name], mean[name] + wide[name]) for name in mean}


def ranges_text(ranges: Mapping[str, Range]) -> str:
    """The value of RANGES_TAG, in the order given. A tag holds TAG_CHARS_MAX characters: features that find no place in
    it are left out, and their range is not known."""
    text = ""
    for name, (low, high) in ranges.items():
        more = f"{text},{name}={low:.6g}:{high:.6g}".removeprefix(",")
        if len(more) > TAG_CHARS_MAX:
            break
        text = more
    return text


def baseline_of(tags: Mapping[str, str]) -> dict[str, float]:
    """The errors at release that tags of a deployment name; one that is no number from ERROR_MIN on is not known."""
    found = {}
    for name in BASELINE_MEASURES:
        value = number_of(tags.get(name, ""))
        if value is not None and value >= ERROR_MIN:
            found[name] = value
    return found


def _problem(found: Predicted, ranges: Mapping[str, Range], day: date | None) -> str:
    if not found.rows:
        return "the file of predictions has no rows"
    if day is not None and found.day != day:
        return f"the predictions are of {found.day} and not of {day}"
    if found.other_days:
        return f"{found.other_days} rows are of other days"
    if found.other_circuits:
        return f"{found.other_circuits} rows are of another circuit's sensor"
    if found.no_numbers:
        return f"{found.no_numbers} predicted values are no numbers"
    if not found.columns:
        return "nothing is predicted: the file has no column of values"
    for name, (low, high) in sorted(found.columns.items()):
        if name in ranges and not (ranges[name][0] <= low and high <= ranges[name][1]):
            plausible = f"{ranges[name][0]:g} to {ranges[name][1]:g}"
            return f"{name} is predicted from {low:g} to {high:g}, and plausible is {plausible}"
    return ""


def _compared(found: Predicted, ranges: Mapping[str, Range]) -> str:
    """What the values were compared with. A range of a feature that is not predicted is a warning too: its name may be
    misspelt, or the model has lost a feature."""
    if unpredicted := sorted(set(ranges) - set(found.columns)):
        return f"{RANGES_UNKNOWN}: the model names one for {', '.join(unpredicted)}, which it does not predict"
    unknown = not ranges or set(found.columns) - set(ranges)
    return RANGES_UNKNOWN if unknown else "within the plausible range"


def _columns(columns: Mapping[str, Range]) -> str:
    shown = [f"{name} {low:g} to {high:g}" for name, (low, high) in sorted(columns.items())]
    more = f" and {len(shown) - COLUMNS_TOLD} more" if len(shown) > COLUMNS_TOLD else ""
    return ", ".join(shown[:COLUMNS_TOLD]) + more


def ranges_of(tags: Mapping[str, str]) -> dict[str, Range]:
    """The plausible ranges that tags of a model or deployment name. One that cannot be understood, or a feature with
    two, makes all of them unknown: a typing mistake is shown, and fails nothing."""
    found: dict[str, Range] = {}
    for each in filter(None, (part.strip() for part in tags.get(RANGES_TAG, "").split(","))):
        name, _, bounds = (part.strip() for part in each.partition("="))
        low, high = (number_of(text) for text in (bounds.partition(":")[0], bounds.partition(":")[2]))
        if not name or name in found or low is None or high is None or low > high:
            return {}
        found[name] = low, high
    return found
