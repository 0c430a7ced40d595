#!/usr/bin/env bash
# keras 3.15.1 (on jax 0.9.2): a model file that was cut, as by a copy that did not end, is said not to exist. The path in
# the message is that of the file that is there.
# Output: the file is there True, 2000 bytes; ValueError: File not found: filepath=model.keras. Please ensure the file is an
# accessible `.keras` zip file.
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3.11}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 jax==0.9.2
cd "$folder" && venv/bin/python - <<'PYTHON'
import os
os.environ["KERAS_BACKEND"] = "jax"
from pathlib import Path
import keras

model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(64), keras.layers.Dense(1)])
file = Path("model.keras")
model.save(file)
file.write_bytes(file.read_bytes()[:2000])
try:
    keras.models.load_model(file)
    said = ""
except Exception as error:
    said = f"{type(error).__name__}: {error}"
print("the file is there", file.is_file(), ",", file.stat().st_size, "bytes;", said)
assert "File not found" in said, "the behaviour has changed"
PYTHON
