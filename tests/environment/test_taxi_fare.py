"""The sample model of online endpoints: trained, compared and asked by the scripts that jobs and endpoints run."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared.adapters.held_sets import FileHeldSets
from shared.application.errors import PlatformRefused
from shared.domain.online.judging import judged_comparison
from shared.domain.release.model import Verdict
from shared.settings import APP_ROOT

CODE = APP_ROOT / "pipelines" / "taxi_fare"
HELD_SET = "pipelines/taxi_fare/held_set.json"


def run(*arguments: object, **variables: str) -> str:
    """What a script of the model's code says, or other Python code beside it."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **variables}, cwd=CODE, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good and a bad one, and rides to compare them on."""
    root = tmp_path_factory.mktemp("taxi")
    run(
        "train.py", "--rides", root / "train.csv", "--make", 400, "--features", "distance_km", "--output", root / "good"
    )
    run("train.py", "--rides", root / "train.csv", "--features", "passengers", "--output", root / "bad")
    run("train.py", "--rides", root / "held" / "rides.csv", "--make", 100, "--seed", 2)
    return root


@pytest.mark.parametrize(
    ("candidate", "baseline", "verdict"),
    [("good", "bad", Verdict.PASSED), ("bad", "good", Verdict.FAILED), ("good", "", Verdict.PASSED)],
)
def test_the_lower_error_is_better_and_the_first_model_is(
    models: Path, tmp_path: Path, candidate: str, baseline: str, verdict: Verdict
) -> None:
    against = ("--baseline", models / baseline) if baseline else ()

    run("compare.py", "--candidate", models / candidate, *against, "--data", models / "held", "--output", tmp_path)

    report = json.loads((tmp_path / "metrics" / "comparison.json").read_text())
    assert judged_comparison(report, baseline)[0] is verdict


def test_the_scoring_script_answers_each_ride_of_the_held_set(models: Path) -> None:
    samples = FileHeldSets(APP_ROOT)(HELD_SET)
    asked = "import sys, score, json; score.init(); print(json.dumps([score.run(each) for each in sys.argv[1:]]))"

    told = run("-c", asked, *(each.request.decode() for each in samples), AZUREML_MODEL_DIR=str(models / "good"))

    off = [abs(said - each.expected[0]) for (said,), each in zip(json.loads(told), samples, strict=True)]
    assert sum(off) / len(off) < 2.5


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[]", "no list of 1 to 500 requests"),
        ("{", "is not JSON"),
        ('[{"request": 1}]', "number 1 is no object of request and expected"),
        ('[{"request": 1, "expected": ["much"]}]', "expected of number 1 is no list of numbers"),
    ],
)
def test_a_held_set_that_cannot_be_read_says_why(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "held.json").write_text(text)

    with pytest.raises(PlatformRefused, match=told):
        FileHeldSets(tmp_path)("held.json")


def test_a_held_set_is_a_file_of_the_app(tmp_path: Path) -> None:
    with pytest.raises(PlatformRefused, match="is not a file of the app"):
        FileHeldSets(tmp_path)("../held.json")
    with pytest.raises(PlatformRefused, match="cannot be read"):
        FileHeldSets(tmp_path)("held.json")
