"""Versions: how they are written and ordered, what class a change is, and which ones are compatible."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.changes.versions import ChangeClass, SemanticVersion, change_class, compatible_versions
from shared.domain.errors import InvalidRequest

PART = st.integers(min_value=0, max_value=999_999)
VERSIONS = st.builds(SemanticVersion, PART, PART, PART)


def parsed(*texts: str) -> list[SemanticVersion]:
    return [SemanticVersion.parse(text) for text in texts]


# Versions


@given(VERSIONS)
def test_a_version_reads_back_what_it_writes(version: SemanticVersion) -> None:
    assert SemanticVersion.parse(str(version)) == version


@given(VERSIONS, VERSIONS)
def test_versions_are_ordered_by_number_part_by_part(one: SemanticVersion, other: SemanticVersion) -> None:
    """Not as text: 1.10.0 is above 1.9.0."""
    numbers = [tuple(int(part) for part in str(version).split(".")) for version in (one, other)]

    assert (one < other, one == other, one > other) == (
        numbers[0] < numbers[1],
        numbers[0] == numbers[1],
        numbers[0] > numbers[1],
    )


@pytest.mark.parametrize(
    "text",
    [
        *("", "1", "1.5", "1.5.1.0", "1.5.x", "v1.5.1", "1.5.1-rc1", "1.5.1+cpu", "01.5.1", "1.05.1", "-1.5.1"),
        *(" 1.5.1", "1.5.1\n", "١.٥.١", "1000000.0.0", "latest", "ubuntu-20.04"),
    ],
)
def test_anything_but_three_plain_numbers_is_no_version(text: str) -> None:
    """The message says how a version is written."""
    with pytest.raises(InvalidRequest, match=r"MAJOR\.MINOR\.PATCH"):
        SemanticVersion.parse(text)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (" 1.5.1", '" 1.5.1"'),
        ("1.5.1 ", '"1.5.1 "'),
        ("1.5.1\n", r'"1.5.1\n"'),
        ("\t1.5.1", r'"\t1.5.1"'),
        ("1.5.1\u00a0", r'"1.5.1\xa0"'),
        ("1.\u200b5.1", r'"1.\u200b5.1"'),
        ("\ufeff1.5.1", r'"\ufeff1.5.1"'),
        ("1.5.1\u202e", r'"1.5.1\u202e"'),
        ("1. 5.1", '"1. 5.1"'),
    ],
)
def test_a_blank_that_makes_a_version_none_is_seen(text: str, seen: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        SemanticVersion.parse(text)

    assert str(refused.value).startswith(f"{seen} is no environment version")


@given(st.text(max_size=20))
def test_a_text_is_a_version_or_is_refused(text: str) -> None:
    """Nothing else happens, and what is accepted is written exactly so."""
    try:
        version = SemanticVersion.parse(text)
    except InvalidRequest:
        assert not re.fullmatch(r"(0|[1-9][0-9]{0,5})(\.(0|[1-9][0-9]{0,5})){2}", text)
    else:
        assert str(version) == text


# Change classes


@pytest.mark.parametrize(
    ("previous", "version", "expected"),
    [
        ("1.5.0", "1.5.1", ChangeClass.PATCH),
        ("1.5.0", "1.6.0", ChangeClass.MINOR),
        ("1.5.9", "1.7.3", ChangeClass.MINOR),
        ("1.5.0", "2.0.0", ChangeClass.MAJOR),
        ("1.5.0", "3.1.4", ChangeClass.MAJOR),
    ],
)
def test_the_leftmost_part_that_differs_is_the_class(previous: str, version: str, expected: ChangeClass) -> None:
    """Versions in between may have been skipped."""
    assert change_class(*parsed(previous, version)) is expected


@given(VERSIONS, VERSIONS)
def test_only_a_higher_version_has_a_class(previous: SemanticVersion, version: SemanticVersion) -> None:
    if version > previous:
        assert (change_class(previous, version) is ChangeClass.MAJOR) == (version.major > previous.major)
    else:
        with pytest.raises(InvalidRequest, match="not higher"):
            change_class(previous, version)


# Query by compatibility


def listed(*versions: str, breaking: tuple[str, ...] = ()) -> list[tuple[str, dict[str, str]]]:
    return [
        (version, {"backward_compatible": "false", "requires_retrain": "true"})
        if version in breaking
        else (version, {"backward_compatible": "true", "requires_retrain": "false"})
        for version in versions
    ]


def test_compatible_versions_are_found_by_their_tags_lowest_first() -> None:
    environments = listed("1.10.0", "2.0.0", "1.9.0", breaking=("2.0.0",))

    assert compatible_versions(environments) == parsed("1.9.0", "1.10.0")


def test_versions_without_clear_tags_are_not_compatible() -> None:
    environments = [
        ("1.0.0", {}),
        ("1.0.1", {"backward_compatible": "true"}),
        ("1.0.2", {"backward_compatible": "true", "requires_retrain": "true"}),
    ]

    assert compatible_versions(environments) == []


def test_a_name_that_is_no_semantic_version_is_left_out() -> None:
    assert compatible_versions(listed("ubuntu-20.04", "1.5.0", "latest")) == parsed("1.5.0")


def test_what_runs_can_only_go_up_and_not_past_a_breaking_version() -> None:
    """2.0.1 is compatible with 2.0.0, which what runs 1.5.0 cannot take; nor can it skip a break that was 1.7.0."""
    environments = listed(
        "1.4.0", "1.5.0", "1.5.1", "1.6.0", "1.7.0", "1.7.1", "2.0.0", "2.0.1", breaking=("1.7.0", "2.0.0")
    )

    assert compatible_versions(environments, running=SemanticVersion(1, 5, 0)) == parsed("1.5.1", "1.6.0")
    assert compatible_versions(environments, running=SemanticVersion(2, 0, 0)) == parsed("2.0.1")
    assert compatible_versions(listed("2.0.1"), running=SemanticVersion(1, 5, 0)) == []


def test_a_version_listed_twice_does_not_confuse_the_order() -> None:
    """A registry and a workspace both list it."""
    assert compatible_versions(listed("1.5.0", "1.5.0")) == parsed("1.5.0", "1.5.0")
