"""From a sensor's readings to what the model sees: an even time grid, scaled values, windows of the past.

Training and scoring use the same functions, so both see the same thing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from sensor_model.table import Readings

FILL_STEPS_MAX = 6
"""Longest gap, in steps, bridged with the last value before it; windows that touch a longer gap are left out."""

ROUNDING = 1e-9
"""What sums of 64-bit numbers leave over is far below this share of them, and what sensors tell apart is above it."""

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.datetime64]
Bools = npt.NDArray[np.bool_]


class TooFewRowsError(ValueError):
    """Not one window can be made from the rows there are."""


def varies(deviation: Floats, largest: Floats) -> Bools:
    """For each feature, whether its standard deviation is more than rounding leaves over of values that are all equal;
    `largest` is the largest absolute value, in the same unit."""
    return deviation > ROUNDING * largest


@dataclass(frozen=True, slots=True)
class Scaler:
    """Mean and standard deviation per feature, learned on training data only."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def fit(cls, values: Floats) -> Self:
        """Learn from rows (n, features); gaps (NaN) do not count, and a constant feature keeps its unit."""
        std = np.nanstd(values, axis=0)
        mean = np.nanmean(values, axis=0)
        std = np.where(varies(std, np.nanmax(np.abs(values), axis=0)), std, 1.0)
        return cls(tuple(float(x) for x in mean), tuple(float(x) for x in std))

    @classmethod
    def from_dict(cls, content: Mapping[str, Sequence[float]]) -> Self:
        """The inverse of `to_dict`."""
        return cls(tuple(content["mean"]), tuple(content["std"]))

    def to_dict(self) -> dict[str, list[float]]:
        """Plain lists for metadata.json."""
        return {"mean": list(self.mean), "std": list(self.std)}

    def scale(self, values: Floats) -> Floats:
        """To mean 0 and standard deviation 1."""
        scaled: Floats = (values - np.array(self.mean)) / np.array(self.std)
        return scaled

    def restore(self, scaled: Floats) -> Floats:
        """Back to the feature's own unit."""
        values: Floats = scaled * np.array(self.std) + np.array(self.mean)
        return values


@dataclass(frozen=True, slots=True)
class Windows:
    """Pasts and what followed: `inputs` (n, sequence_length, features), `targets` (n, features), `times` (n,)."""

    inputs: Floats
    targets: Floats
    times: Times

    def __len__(self) -> int:
        return len(self.times)

    def part(self, which: slice) -> "Windows":
        """Some of the windows."""
        return Windows(self.inputs[which], self.targets[which], self.times[which])


def usual_step_s(times: Times) -> int:
    """Seconds between two readings, as most of them are apart."""
    if len(times) < 2:
        raise TooFewRowsError(f"{len(times)} row(s): at least two are needed to know how far apart readings are")
    return int(np.median(np.diff(times)) / np.timedelta64(1, "s"))


def make_windows(readings: Readings, sequence_length: int, step_s: int) -> Windows:
    """One window per reading whose `sequence_length` steps before it are there, short gaps bridged."""
    if len(readings) == 0:
        return _no_windows(sequence_length, readings.values.shape[1])
    step = np.timedelta64(step_s, "s")
    slots = ((readings.times - readings.times[0]) / step).round().astype(np.int64)
    observed = np.full((slots[-1] + 1, readings.values.shape[1]), np.nan)
    observed[slots] = readings.values
    if len(observed) <= sequence_length:
        return _no_windows(sequence_length, readings.values.shape[1])
    bridged = _bridge(observed)
    pasts = np.lib.stride_tricks.sliding_window_view(bridged[:-1], sequence_length, axis=0).swapaxes(1, 2)
    targets = observed[sequence_length:]
    usable = ~(np.isnan(pasts).any(axis=(1, 2)) | np.isnan(targets).any(axis=1))
    times = readings.times[0] + (np.arange(len(targets)) + sequence_length) * step
    return Windows(pasts[usable], targets[usable], times[usable])


def _no_windows(sequence_length: int, features: int) -> Windows:
    return Windows(
        np.empty((0, sequence_length, features)), np.empty((0, features)), np.empty(0, dtype="datetime64[us]")
    )


def _bridge(grid: Floats) -> Floats:
    """The grid with gaps of up to FILL_STEPS_MAX steps filled from the value before them; never from after them."""
    filled = grid.copy()
    for column in filled.T:
        gap = np.isnan(column)
        positions = np.arange(len(column))
        last_seen = np.maximum.accumulate(np.where(gap, -1, positions))
        near = gap & (last_seen >= 0) & (positions - last_seen <= FILL_STEPS_MAX)
        column[near] = column[last_seen[near]]
    return filled
