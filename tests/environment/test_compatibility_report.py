"""How reports of two environment versions compare, and what is refused as a report. No model is loaded here."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sensor_model.compatibility import main
from sensor_model.compatibility_report import Comparison, Report, ReportError, Tolerance, Verdict, compare, digest

from tests.environment.conftest import ENVIRONMENT

COLUMNS: dict[str, list[Any]] = {
    "timestamp": [f"2025-12-09T{hour:02}:00:00+00:00" for hour in range(4)],
    "sensor_id": ["SENSOR_P001_C001"] * 4,
    "date": ["2025-12-09"] * 4,
    "predicted_temperature": [61.2, 61.9, 62.4, 62.1],
    "predicted_pressure": [5.11, 5.13, 5.16, 5.14],
    "predicted_vibration": [2.31, 2.29, 2.35, 2.33],
}


@pytest.fixture
def current() -> Report:
    """A report of P001/C001 as environment 1.5.0 writes it."""
    numbers = {name: "double" for name in COLUMNS if name.startswith("predicted_")}
    return Report(
        plant_id="P001",
        circuit_id="C001",
        model_version="2",
        environment_version="1.5.0",
        table_version=30,
        status="scored",
        day="2025-12-09",
        rows=4,
        finite=True,
        digest=digest(COLUMNS),
        schema={
            "timestamp": "timestamp[us, tz=UTC]",
            "sensor_id": "string",
            "date": "date32[day]",
            **numbers,
            "environment_version": "string",
        },
        columns=COLUMNS,
        load_s=0.1,
        score_s=0.2,
    )


def with_column(report: Report, name: str, values: list[Any]) -> Report:
    """The report with other values in one column, as if scored by the next environment version."""
    columns = {**report.columns, name: values}
    return replace(report, environment_version="1.5.1", columns=columns, digest=digest(columns))


def shifted(report: Report, name: str, by: float) -> Report:
    first, *others = report.columns[name]
    return with_column(report, name, [first + by, *others])


def judge(current: Report | None, new: Report) -> Comparison:
    return compare(current, new, Tolerance())


def test_differences_within_the_tolerance_pass_with_their_numbers(current: Report) -> None:
    """The largest difference is told although it does not matter."""
    found = judge(current, shifted(current, "predicted_pressure", 1e-7))
    assert found.verdict is Verdict.WITHIN_TOLERANCE
    assert found.reasons == (f"1 of {3 * current.rows} predictions differ, all within the tolerance",)
    assert found.largest_absolute is not None
    assert found.largest_absolute.column == "predicted_pressure"
    assert found.largest_absolute.timestamp == current.columns["timestamp"][0]
    assert found.largest_absolute.value == pytest.approx(1e-7, rel=1e-3)


def test_the_largest_absolute_and_relative_differences_may_be_in_different_places(current: Report) -> None:
    """A large number may differ by more and matter less."""
    new = shifted(shifted(current, "predicted_temperature", 0.02), "predicted_vibration", -0.01)
    found = judge(current, new)
    assert (found.verdict, found.beyond_tolerance) == (Verdict.CHANGED, 2)
    assert found.largest_absolute is not None
    assert found.largest_relative is not None
    assert found.largest_absolute.column == "predicted_temperature"
    assert found.largest_relative.column == "predicted_vibration"
    before = current.columns["predicted_vibration"][0]
    assert found.largest_relative.value == pytest.approx(0.01 / before)


def test_the_tolerance_decides_between_alike_and_changed(current: Report) -> None:
    """Either limit is enough: a small number may differ by a large share."""
    new = shifted(current, "predicted_temperature", 0.02)
    assert compare(current, new, Tolerance(absolute=0.021, relative=0)).verdict is Verdict.WITHIN_TOLERANCE
    assert compare(current, new, Tolerance(absolute=0, relative=0.001)).verdict is Verdict.WITHIN_TOLERANCE
    assert compare(current, new, Tolerance(absolute=0.019, relative=0)).verdict is Verdict.CHANGED


@pytest.mark.parametrize(
    ("schema", "verdict", "reason"),
    [
        (lambda schema: {**schema, "predicted_pressure": "float"}, Verdict.FAILED, "is float and was double"),
        (lambda schema: schema | {"quality": "string"}, Verdict.CHANGED, "new column(s): quality"),
        (lambda schema: {k: v for k, v in schema.items() if k != "date"}, Verdict.FAILED, "the column date is missing"),
    ],
)
def test_another_schema_is_never_alike(
    current: Report, schema: Callable[[dict[str, str]], dict[str, str]], verdict: Verdict, reason: str
) -> None:
    """A lost column or another type breaks readers; a new column is for a person to judge."""
    new_schema = schema(dict(current.schema))
    columns = {name: current.columns.get(name, ["good"] * current.rows) for name in new_schema}
    columns.pop("environment_version")
    new = replace(current, schema=new_schema, columns=columns, digest=digest(columns))
    found = judge(current, new)
    assert found.verdict is verdict
    assert any(reason in text for text in found.reasons)


def test_lost_rows_are_a_change_even_if_the_rest_is_the_same(current: Report) -> None:
    """The rows both have are still compared."""
    columns = {name: values[1:] for name, values in current.columns.items()}
    found = judge(current, replace(current, columns=columns, rows=current.rows - 1, digest=digest(columns)))
    assert found.verdict is Verdict.CHANGED
    assert f"{current.rows - 1} rows instead of {current.rows}: 1 timestamps lost, 0 gained" in found.reasons
    assert found.values == 3 * (current.rows - 1)


def test_text_that_differs_is_a_change(current: Report) -> None:
    """Predictions under another sensor's name are not the same predictions."""
    found = judge(current, with_column(current, "sensor_id", ["SENSOR_P001_C002"] * current.rows))
    assert found.verdict is Verdict.CHANGED
    assert f"sensor_id differs in {current.rows} of {current.rows} rows" in found.reasons


def failed(report: Report, error: str) -> Report:
    return replace(report, status="failed", error=error, rows=0, finite=False, digest="", schema={}, columns={})


def test_a_large_feature_around_zero_has_a_tolerance_as_any_other(current: Report) -> None:
    """One reading near 0 of many that are not: a share of itself would be less than 32 bits can hold."""
    before = with_column(current, "predicted_pressure", [0.001, -1000.0, 1000.0, 500.0])
    assert judge(before, shifted(before, "predicted_pressure", 0.005)).verdict is Verdict.WITHIN_TOLERANCE
    assert judge(before, shifted(before, "predicted_pressure", 0.02)).verdict is Verdict.CHANGED


def test_a_failing_new_version_fails_and_a_failing_current_one_leaves_nothing_to_compare(current: Report) -> None:
    """Which of the two failed decides. A sensor that was silent for a week fails both, which blames no version."""
    bad = failed(current, "PredictionError: no number")
    assert judge(current, bad).verdict is Verdict.FAILED
    assert judge(current, bad).reasons == ("scoring fails in 1.5.0: PredictionError: no number",)
    silent = failed(current, "NoRowsError: no rows")
    assert judge(silent, silent).verdict is Verdict.UNCLEAR
    assert judge(silent, silent).reasons[0].endswith("1.5.0: NoRowsError: no rows; 1.5.0: the same")
    assert judge(silent, bad).verdict is Verdict.UNCLEAR
    assert judge(silent, bad).reasons[0].endswith("NoRowsError: no rows; 1.5.0: PredictionError: no number")
    assert judge(bad, current).verdict is Verdict.CHANGED
    assert "nothing to compare with" in judge(bad, current).reasons[0]


def test_reports_of_other_rows_or_models_are_not_comparable(current: Report) -> None:
    """The daily load between the two runs is no fault of the new version, and no pass either."""
    for other in (replace(current, table_version=current.table_version + 1), replace(current, model_version="3")):
        found = judge(current, other)
        assert (found.verdict, found.comparable) == (Verdict.FAILED, False)
        assert "check both versions again" in found.reasons[0]
    assert judge(None, current).comparable is False


def test_the_compare_command_judges_every_model_of_the_new_folder(
    current: Report, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files, folders and the written result say the same; exit code 0 says that all were compared."""
    other = replace(current, circuit_id="C009")
    for folder, reports in (
        ("current", (current, other)),
        ("new", (replace(current, environment_version="1.5.1"), shifted(other, "predicted_pressure", 0.5))),
    ):
        for report in reports:
            report.write(tmp_path / folder)
    result = tmp_path / "result.json"
    assert main(["compare", str(tmp_path / "current"), str(tmp_path / "new"), "--output", str(result)]) == 0
    *said, last = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert [(line["circuit_id"], line["verdict"]) for line in said] == [("C001", "identical"), ("C009", "changed")]
    assert last == {"compared": 2, "verdicts": {"identical": 1, "changed": 1}}
    assert json.loads(result.read_text()) == said
    files = [str(tmp_path / folder / current.path.parent) for folder in ("current", "new")]
    assert main(["compare", *files, "--absolute-tolerance", "0"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0])["verdict"] == "identical"


def test_a_report_that_was_changed_after_it_was_written_is_refused(current: Report, tmp_path: Path) -> None:
    """The digest is checked whenever a report is read; a foreign file is told apart."""
    path = current.write(tmp_path)
    assert Report.read(path) == current
    content = json.loads(path.read_text())
    content["columns"]["predicted_pressure"][0] += 1
    path.write_text(json.dumps(content))
    with pytest.raises(ReportError, match="do not have the digest written beside them"):
        Report.read(path)
    for text in ("[]", "{}", "no json", json.dumps({**content, "format": 2})):
        path.write_text(text)
        with pytest.raises(ReportError, match="is not a compatibility report"):
            Report.read(path)


def test_comparing_needs_neither_tensorflow_nor_numpy(current: Report, tmp_path: Path) -> None:
    """It takes a moment, wherever it runs."""
    path = current.write(tmp_path)
    code = (
        "import sys; from sensor_model.compatibility import main; "
        "code = main(sys.argv[1:]); print({'tensorflow', 'numpy', 'pyarrow'} & set(sys.modules)); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "compare", path, path],
        cwd=ENVIRONMENT, capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "set()"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"status": "passed"}, "status 'passed'"),
        ({"error": "something"}, "does not go with error"),
        ({"finite": False}, "are not scored"),
        ({"rows": 5}, "does not have 5 values"),
        ({"plant_id": "../P001"}, "plant_id '../P001' is not of the form"),
        ({"environment_version": "latest"}, "environment_version 'latest' is not of the form"),
        ({"format": 2}, "format 2, this code reads 1"),
    ],
)
def test_a_report_whose_fields_disagree_is_refused(current: Report, change: dict[str, Any], reason: str) -> None:
    """Ids become file names; a failed model can never look like a scored one."""
    with pytest.raises(ReportError) as refused:
        replace(current, **change)
    assert reason in str(refused.value)


def test_a_model_with_two_reports_is_refused(current: Report, tmp_path: Path) -> None:
    """Which of the two versions is the current one cannot be guessed."""
    current.write(tmp_path)
    replace(current, environment_version="1.4.0").write(tmp_path)
    assert main(["compare", str(tmp_path), str(tmp_path)]) == 2
