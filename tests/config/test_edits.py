"""Changing one value of a circuit's file: nothing else moves."""

import pytest

from shared.adapters.config.edits import EditError, with_environment_raised, with_environment_version, with_text
from shared.contracts.config.files import ConfigError
from tests.support.repositories import CIRCUIT

TEXT = CIRCUIT.format(plant="P001", circuit="C001")
FILE = "config/plants/P001/C001.yml"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('  environment_version: "1.5.0"', '  environment_version: "2.0.0"'),
        ("  environment_version: '1.5.0'", '  environment_version: "2.0.0"'),
        ("  environment_version: 1.5.0", '  environment_version: "2.0.0"'),
        ("  environment_version :   1.5.0  # fixed", '  environment_version :   "2.0.0"  # fixed'),
        ('  environment_version: "1.5.0"\t# a "quoted" word', '  environment_version: "2.0.0"\t# a "quoted" word'),
        ('  environment_version: "2.0.0" # there already', '  environment_version: "2.0.0" # there already'),
    ],
)
def test_only_the_value_changes_whatever_its_quotes_and_comments(before: str, after: str) -> None:
    text = TEXT.replace('  environment_version: "1.5.0"', before)
    assert with_environment_version(text, "2.0.0", FILE) == TEXT.replace('  environment_version: "1.5.0"', after)


def test_line_ends_stay_as_they_are() -> None:
    """Also where the file does not end with one."""
    text = TEXT.replace("\n", "\r\n").removesuffix("\r\n")
    assert with_environment_version(text, "2.0.0", FILE) == text.replace("1.5.0", "2.0.0")


def test_the_same_key_elsewhere_is_left_alone() -> None:
    """In a comment, or in another section."""
    text = TEXT.replace("training:", '# environment_version: "1.5.0"\ntraining:') + 'environment_version: "1.5.0"\n'
    made = with_environment_version(text, "2.0.0", FILE)
    assert made == text.replace('  environment_version: "1.5.0"', '  environment_version: "2.0.0"')


@pytest.mark.parametrize(
    "line",
    [
        '  "environment_version": "1.5.0"',
        '  environment_version:\n    "1.5.0"',
        "  environment_version: >-\n    1.5.0",
        '  environment_version: "1.\\x35.0"',
    ],
)
def test_what_is_written_in_an_unusual_way_is_left_to_a_person(line: str) -> None:
    with pytest.raises(EditError, match="by hand"):
        with_environment_version(TEXT.replace('  environment_version: "1.5.0"', line), "2.0.0", FILE)


def test_a_mapping_on_one_line_is_left_to_a_person() -> None:
    with pytest.raises(EditError, match="by hand"):
        with_environment_version('training: {environment_version: "1.5.0", cutoff_date: "2025-12-09"}\n', "2.0.0", FILE)


def test_a_file_without_the_key_or_with_mistakes_is_not_changed() -> None:
    with pytest.raises(EditError, match=r"has no training\.environment_version"):
        with_environment_version("training:\n  cutoff_date: '2025-12-09'\n", "2.0.0", FILE)
    with pytest.raises(ConfigError):
        with_environment_version("training: [\n", "2.0.0", FILE)


def test_a_file_is_raised_to_a_version_and_never_lowered() -> None:
    """Its comment stays; a file that names this version or a later one is as it was."""
    raised = with_environment_raised(TEXT, "1.10.0", FILE)
    assert raised == with_environment_version(TEXT, "1.10.0", FILE) != TEXT
    assert with_environment_raised(raised, "1.10.0", FILE) == with_environment_raised(raised, "1.9.0", FILE) == raised


@pytest.mark.parametrize("text", ["training: [\n", "training: {}\n", TEXT.replace("1.5.0", "newest")])
def test_a_file_with_a_mistake_is_not_raised(text: str) -> None:
    with pytest.raises(EditError):
        with_environment_raised(text, "1.5.1", FILE)


@pytest.mark.parametrize("version", ["", "2", "2.0", "v2.0.0", "02.0.0", '2.0.0"', "2.0.0\n"])
def test_only_a_semantic_version_is_written(version: str) -> None:
    with pytest.raises(EditError):
        with_environment_version(TEXT, version, FILE)


def test_any_other_text_on_a_line_can_be_set() -> None:
    """A new cutoff date keeps its comment."""
    made = with_text(TEXT, ("training", "cutoff_date"), "2026-01-04", FILE)
    assert made == TEXT.replace("2025-12-09", "2026-01-04")
    for value in ('a"b', "a\\b", "a\nb"):
        with pytest.raises(EditError):
            with_text(TEXT, ("training", "cutoff_date"), value, FILE)
