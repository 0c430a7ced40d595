"""The neural network and the one place that imports TensorFlow (seconds, so it is done when needed).

An LSTM reads the window and adds a correction to the window's last row: the network starts from "as before" and learns
what is different.
"""

import os
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sensor_model.features import Windows

# Same numbers on every run: no GPU, no reordered sums of oneDNN. Read by TensorFlow when it is imported.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # it reports the missing GPU as errors; real ones raise

Floats = npt.NDArray[np.float64]

PREDICT_ROWS = 1024
"""Windows per call of the network, so that memory stays bounded."""


def tensorflow() -> Any:
    """TensorFlow, set to repeatable arithmetic."""
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    return tf


def build(features: int, hyperparameters: Mapping[str, int | float], seed: int) -> Any:
    """An untrained network for windows of `sequence_length` rows of `features` scaled values."""
    keras, before = tensorflow().keras, random.getstate()
    keras.utils.set_random_seed(seed)
    window = keras.Input((int(hyperparameters["sequence_length"]), features), name="window")
    hidden = keras.layers.LSTM(int(hyperparameters["lstm_units"]), name="lstm")(window)
    hidden = keras.layers.Dropout(float(hyperparameters["dropout"]), name="dropout")(hidden)
    change = keras.layers.Dense(features, name="change")(hidden)
    last_row = keras.layers.Cropping1D((int(hyperparameters["sequence_length"]) - 1, 0), name="last_row")(window)
    last_row = keras.layers.Flatten(name="last_values")(last_row)
    model = keras.Model(window, keras.layers.Add(name="next_values")([last_row, change]), name="sensor_model")
    model.compile(optimizer=keras.optimizers.Adam(float(hyperparameters["learning_rate"])), loss="mse")
    random.setstate(before)  # the process draws other things from it: the Azure ML client the names of jobs
    return model


def fit(model: Any, scaled: Windows, hyperparameters: Mapping[str, int | float]) -> None:
    """Train on scaled windows, in an order that depends on the seed only."""
    model.fit(
        scaled.inputs.astype(np.float32),
        scaled.targets.astype(np.float32),
        batch_size=int(hyperparameters["batch_size"]),
        epochs=int(hyperparameters["epochs"]),
        shuffle=True,
        verbose=0,
    )


def predict(model: Any, scaled_inputs: Floats) -> Floats:
    """Scaled predictions (n, features) for scaled windows (n, sequence_length, features)."""
    parts = [
        np.asarray(model(scaled_inputs[start : start + PREDICT_ROWS].astype(np.float32), training=False))
        for start in range(0, len(scaled_inputs), PREDICT_ROWS)
    ]
    return np.concatenate(parts).astype(np.float64)


def load(path: Path) -> Any:
    """A saved network; keras refuses files that carry code."""
    return tensorflow().keras.models.load_model(path, compile=False, safe_mode=True)
