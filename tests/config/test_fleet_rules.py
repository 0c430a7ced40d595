"""Every rule of the circuit files and of the master list: what is accepted, what is refused, and how it is said."""

# ruff: noqa: E501 - one case per line, so that the cases read as a table

import pytest

from tests.config.conftest import CIRCUIT, MASTER, ConfigTree

HYPER = "training.hyperparameters"
FILTERS = "training.data_filters"

ACCEPTED = [
    ("sequence_length: 24", "sequence_length: 2"),
    ("sequence_length: 24", "sequence_length: 1000"),
    ("lstm_units: 16", "lstm_units: 1024"),
    ("dropout: 0.1", "dropout: 0"),
    ("dropout: 0.1", "dropout: 0.99"),
    ("learning_rate: 0.01", "learning_rate: 1.0e-4"),
    ("learning_rate: 0.01", "learning_rate: 1"),
    ("batch_size: 16", "batch_size: 4096"),
    ("epochs: 3", "epochs: 1000"),
    ('cutoff_date: "2025-12-09"', 'cutoff_date: "2024-02-29"'),
    ('environment_version: "1.5.0"', 'environment_version: "10.0.12"'),
    ('["temperature", "pressure", "vibration"]', "[flow_rate_2]"),
    ('"Standard_DS3_v2"', '"Standard_D4s_v5"'),
    ("mini_batch_size: 100", "mini_batch_size: 1000"),
]


@pytest.mark.parametrize(("old", "new"), ACCEPTED)
def test_values_inside_their_range_are_accepted(tree: ConfigTree, old: str, new: str) -> None:
    """The edges of each range belong to it."""
    tree.edit(CIRCUIT, old, new)
    assert tree.problems() == []


REFUSED = [
    # old text, new text, field, value shown, part of the reason, part of the fix
    ("sequence_length: 24", "sequence_length: 1", f"{HYPER}.sequence_length", "1", "greater than or equal to 2", "2 to 1000"),
    ("sequence_length: 24", "sequence_length: 1001", f"{HYPER}.sequence_length", "1001", "less than or equal to 1000", "rows"),
    ("sequence_length: 24", "sequence_length: 24.5", f"{HYPER}.sequence_length", "24.5", "valid integer", "2 to 1000"),
    ("sequence_length: 24", 'sequence_length: "24"', f"{HYPER}.sequence_length", "24", "text", "without quotes"),
    ("lstm_units: 16", "lstm_units: 0", f"{HYPER}.lstm_units", "0", "greater than or equal to 1", "1 to 1024"),
    ("lstm_units: 16", "lstm_units: true", f"{HYPER}.lstm_units", "true", "valid integer", "1 to 1024"),
    ("dropout: 0.1", "dropout: 1.0", f"{HYPER}.dropout", "1.0", "less than 1", "from 0 to below 1"),
    ("dropout: 0.1", "dropout: -0.1", f"{HYPER}.dropout", "-0.1", "greater than or equal to 0", "from 0"),
    ("learning_rate: 0.01", "learning_rate: 0", f"{HYPER}.learning_rate", "0", "greater than 0", "at most 1"),
    ("learning_rate: 0.01", "learning_rate: 1e-3", f"{HYPER}.learning_rate", "1e-3", "text", "plain decimal"),
    ("batch_size: 16", "batch_size: 4097", f"{HYPER}.batch_size", "4097", "less than or equal to 4096", "1 to 4096"),
    ("epochs: 3", "epochs: 0", f"{HYPER}.epochs", "0", "greater than or equal to 1", "1 to 1000"),
    ("epochs: 3", "epochs: [3]", f"{HYPER}.epochs", "", "valid integer", "1 to 1000"),
    ('"2025-12-09"', '"2025-02-30"', "training.cutoff_date", "2025-02-30", "not a calendar day", "YYYY-MM-DD"),
    ('"2025-12-09"', '"09.12.2025"', "training.cutoff_date", "09.12.2025", "not a calendar day", "YYYY-MM-DD"),
    ('"2025-12-09"', '"20251209"', "training.cutoff_date", "20251209", "not a calendar day", "YYYY-MM-DD"),
    ('"1.5.0"', '"1.5"', "training.environment_version", "1.5", "match pattern", "MAJOR.MINOR.PATCH"),
    ('"1.5.0"', '"latest"', "training.environment_version", "latest", "match pattern", "MAJOR.MINOR.PATCH"),
    ('"1.5.0"', "1.10", "training.environment_version", "1.10", "reads 1.10 as 1.1", 'in quotes: "1.10"'),
    ('["temperature", "pressure", "vibration"]', "[]", f"{FILTERS}.feature_columns", "", "at least 1", "1 to 64"),
    ('["temperature", "pressure", "vibration"]', "temperature", f"{FILTERS}.feature_columns", "temperature", "tuple", "1 to 64"),
    ('"pressure"', '"temperature"', f"{FILTERS}.feature_columns", "", "more than once: temperature", "different"),
    ('"pressure"', '"date"', f"{FILTERS}.feature_columns", "", "keys of the table, not features: date", "feature"),
    ('"pressure"', '"Pressure"', f"{FILTERS}.feature_columns[1]", "Pressure", "match pattern", "small letters"),
    ('"Standard_DS3_v2"', '"DS3_v2"', "deployment.compute_instance_type", "DS3_v2", "match pattern", "Standard_DS3_v2"),
    ("mini_batch_size: 100", "mini_batch_size: 0", "deployment.mini_batch_size", "0", "greater than", "1 to 1000"),
    ("    epochs: 3\n", "", f"{HYPER}.epochs", "", "missing", "add epochs: passes over the training data"),
    ("epochs: 3", "epochs: 3\n    epoch: 3", f"{HYPER}.epoch", "3", "unknown key", "write epochs"),
    ("epochs: 3", "epochs: 3\n    optimizer: adam", f"{HYPER}.optimizer", "adam", "unknown key", "known here: sequence_length"),
    ('"SENSOR_P001_C001"', '"SENSOR_P001_C002"', f"{FILTERS}.sensor_id", "SENSOR_P001_C002", "another circuit", '"SENSOR_P001_C001"'),
    ('"SENSOR_P001_C001"', '"sensor-1"', f"{FILTERS}.sensor_id", "sensor-1", "match pattern", "SENSOR_<plant_id>"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "field", "value", "reason", "fix"), REFUSED)
def test_a_wrong_value_is_told_with_file_field_value_and_fix(
    tree: ConfigTree, old: str, new: str, field: str, value: str, reason: str, fix: str
) -> None:
    """One mistake in a circuit's file gives exactly one problem that says everything needed to correct it."""
    tree.edit(CIRCUIT, old, new)
    problem = tree.only_problem()
    assert (problem.file, problem.field, problem.value) == (f"config/{CIRCUIT}", field, value)
    assert reason in problem.reason
    assert fix in problem.fix
    assert str(problem).startswith(f"config/{CIRCUIT}:{problem.line}: {field}")


def test_the_line_of_the_mistake_is_the_line_in_the_file(tree: ConfigTree) -> None:
    """A person can jump to it."""
    tree.edit(CIRCUIT, "epochs: 3", "epochs: 0")
    lines = (tree.root / CIRCUIT).read_text(encoding="utf-8").splitlines()
    assert lines[(tree.only_problem().line or 0) - 1].strip() == "epochs: 0"


def test_a_section_left_out_is_told_with_its_keys(tree: ConfigTree) -> None:
    """The fix names what the missing section consists of."""
    text = (tree.root / CIRCUIT).read_text(encoding="utf-8")
    tree.write(CIRCUIT, text[: text.index("deployment:")])
    problem = tree.only_problem()
    assert (problem.field, problem.reason) == ("deployment", "the key is missing")
    assert problem.fix == "add deployment: a section with the keys compute_instance_type, mini_batch_size"


def test_the_plant_in_a_file_is_the_plant_of_its_directory(tree: ConfigTree) -> None:
    """A file copied from another plant is noticed."""
    tree.edit(CIRCUIT, 'plant_id: "P001"', 'plant_id: "P002"')
    tree.edit(CIRCUIT, "SENSOR_P001_C001", "SENSOR_P002_C001")
    problem = tree.only_problem()
    assert (problem.file, problem.field, problem.value) == (f"config/{CIRCUIT}", "plant_id", "P002")
    assert problem.fix == 'write "P001", or move the file'


def test_the_circuit_in_a_file_is_the_circuit_of_its_name(tree: ConfigTree) -> None:
    """A file copied from another circuit is noticed."""
    tree.edit(CIRCUIT, 'circuit_id: "C001"', 'circuit_id: "C009"')
    tree.edit(CIRCUIT, "SENSOR_P001_C001", "SENSOR_P001_C009")
    problem = tree.only_problem()
    assert (problem.file, problem.field, problem.value) == (f"config/{CIRCUIT}", "circuit_id", "C009")
    assert problem.fix == 'write "C001", or rename the file'


def test_a_listed_circuit_has_a_file(tree: ConfigTree) -> None:
    """The problem points into the master list and names the file to create."""
    (tree.root / CIRCUIT).unlink()
    problem = tree.only_problem()
    assert (problem.file, problem.field) == (f"config/{MASTER}", "plants[0].circuits[0].circuit_id")
    assert problem.value == "C001"
    assert problem.reason == f"there is no config/{CIRCUIT}"
    assert problem.fix == "create that file, or remove this entry"


def test_a_circuit_with_a_file_is_listed(tree: ConfigTree) -> None:
    """A file nobody lists would never be released, so it is refused."""
    tree.edit(MASTER, '      - circuit_id: "C001"\n        circuit_name: "Assembly Line A Sensor"\n', "")
    problem = tree.only_problem()
    assert (problem.file, problem.reason) == (f"config/{CIRCUIT}", "the circuit is not listed")
    assert problem.fix == f"add P001/C001 to config/{MASTER}, or remove this file"


@pytest.mark.parametrize("place", ["plants/P001/C005.yaml", "plants/C001.yml", "plants/P001/old/C001.yml"])
def test_a_file_in_the_wrong_place_is_refused(tree: ConfigTree, place: str) -> None:
    """A misnamed circuit file is not silently left out."""
    tree.write(place, "plant_id: P001\n")
    problem = tree.only_problem()
    assert (problem.file, problem.reason) == (f"config/{place}", "not the file of a circuit")
    assert "config/plants/<plant_id>/<circuit_id>.yml" in problem.fix


def test_a_hidden_file_beside_the_circuits_is_ignored(tree: ConfigTree) -> None:
    """Editors and operating systems leave such files."""
    tree.write("plants/P001/.DS_Store", b"\x00")
    assert tree.problems() == []


def test_a_circuit_is_listed_once(tree: ConfigTree) -> None:
    """The second entry is the one reported."""
    entry = '      - circuit_id: "C001"\n        circuit_name: "Assembly Line A Sensor"\n'
    tree.edit(MASTER, entry, entry + entry)
    problem = tree.only_problem()
    assert (problem.field, problem.value) == ("plants[0].circuits[1].circuit_id", "C001")
    assert (problem.reason, problem.fix) == ("the circuit is listed twice", "keep one entry per circuit of a plant")


def test_a_plant_is_listed_once(tree: ConfigTree) -> None:
    """Two entries of one plant are refused even if their circuits differ."""
    tree.edit(MASTER, 'plant_id: "P002"', 'plant_id: "P001"')
    problems = [problem for problem in tree.problems() if problem.field == "plants[1].plant_id"]
    assert [(problem.value, problem.reason) for problem in problems] == [("P001", "the plant is listed twice")]
    assert problems[0].fix == "keep one entry per plant"


MASTER_REFUSED = [
    ('plant_id: "P001"', 'plant_id: "p001"', "plants[0].plant_id", "p001", "P and 3 to 6 digits"),
    ('plant_id: "P001"', 'plant_id: "../x"', "plants[0].plant_id", "../x", "P and 3 to 6 digits"),
    ('circuit_id: "C002"', 'circuit_id: "2"', "plants[0].circuits[1].circuit_id", "2", "C and 3 to 6 digits"),
    ('"Manufacturing Plant 1"', '""', "plants[0].plant_name", "", "1 to 80 characters"),
    ('"Manufacturing Plant 1"', '"<b>Plant</b>"', "plants[0].plant_name", "<b>Plant</b>", "without < and >"),
    ("plants:", "factories: []\nplants:", "factories", "", "known here: plants"),
]


@pytest.mark.parametrize(("old", "new", "field", "value", "fix"), MASTER_REFUSED)
def test_a_mistake_in_the_master_list_is_told(
    tree: ConfigTree, old: str, new: str, field: str, value: str, fix: str
) -> None:
    """The master list has the same care as the circuits' files."""
    tree.edit(MASTER, old, new)
    problem = tree.only_problem()
    assert (problem.file, problem.field, problem.value) == (f"config/{MASTER}", field, value)
    assert fix in problem.fix


def test_a_fleet_without_its_master_list_says_so(tree: ConfigTree) -> None:
    """A missing file is a problem like any other, not a traceback."""
    (tree.root / MASTER).unlink()
    problem = tree.only_problem()
    assert problem.file == f"config/{MASTER}"
    assert problem.reason == "cannot be read (No such file or directory)"
    assert "create the file" in problem.fix
