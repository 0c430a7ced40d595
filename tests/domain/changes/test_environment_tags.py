"""Tags of an environment version, and what they let a release do without new models."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.changes.versions import (
    FILLED_AT_REGISTRATION,
    REQUIRED_TAGS,
    ChangeClass,
    SemanticVersion,
    review,
    tag_problems,
)
from tests.domain.changes.test_versions import VERSIONS

DEFINITION = Path(__file__).resolve().parents[3] / "environment" / "custom_tf_env.yml"

BREAKING = {
    "backward_compatible": "false",
    "requires_retrain": "true",
    "breaking_changes": "Scales by minimum and maximum",
}


def some_tags(version: str = "1.5.1", **changed: object) -> dict[str, object]:
    """The tags of a registered, non-breaking version."""
    tags: dict[str, object] = {
        "backward_compatible": "true",
        "requires_retrain": "false",
        "tensorflow_version": "2.21.0",
        "python_version": "3.11",
        "source_code_version": version,
        "change_summary": "Clearer log lines while scoring",
        "breaking_changes": "",
        "git_commit_sha": "a1b2c3d4e5f6",
        "registered_at": "2025-12-09T10:30:00Z",
        "registered_by": "rita@example.com",
        "pr_number": "PR-1234",
        "cuda_version": "",
        "openmpi_version": "4.1.0",
    }
    return tags | changed


# Tags


def test_the_required_tags_of_a_registered_version_have_no_problem() -> None:
    assert tag_problems(some_tags(), "1.5.1") == []


def test_the_definition_in_the_repository_passes_but_for_what_registration_fills_in() -> None:
    """Exactly the four values that the pipeline writes are still empty."""
    content = yaml.safe_load(DEFINITION.read_text(encoding="utf-8"))

    assert tag_problems(content["tags"], content["version"], registered=False) == []
    assert [problem.field for problem in tag_problems(content["tags"], content["version"])] == [
        "git_commit_sha",
        "registered_at",
        "registered_by",
        "pr_number",
    ]


@pytest.mark.parametrize("name", REQUIRED_TAGS)
def test_a_missing_tag_is_told_by_name(name: str) -> None:
    """Also before registration: the definition carries it, if empty."""
    tags = some_tags()
    del tags[name]

    for registered in (True, False):
        (problem,) = tag_problems(tags, "1.5.1", registered=registered)
        assert problem.field == name
        assert str(problem).startswith(f"{name}: missing; must be ")
        assert "add the tag" in problem.fix


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("backward_compatible", "True"),
        ("backward_compatible", "yes"),
        ("requires_retrain", ""),
        ("tensorflow_version", "2.21"),
        ("tensorflow_version", ""),
        ("python_version", "3"),
        ("source_code_version", "1.5.0"),
        ("change_summary", "  "),
        ("git_commit_sha", "main"),
        ("git_commit_sha", "a1b2c3"),
        ("registered_at", "2025-12-09 10:30"),
        ("registered_at", "2025-12-09T10:30:00+01:00"),
        ("registered_at", "2025-12-09T10:30:00"),
        ("registered_at", "2025-13-09T10:30:00Z"),
        ("registered_by", "rita and tom"),
        ("pr_number", "1234"),
        ("pr_number", "PR-"),
        ("cuda_version", "none"),
        ("openmpi_version", ""),
    ],
)
def test_a_malformed_tag_is_told_with_its_value_and_what_it_must_be(name: str, value: str) -> None:
    (problem,) = tag_problems(some_tags(**{name: value}), "1.5.1")

    assert problem.field == name
    assert problem.value == f'"{value}"'
    assert problem.must
    assert "for example: " in problem.fix


@pytest.mark.parametrize("name", FILLED_AT_REGISTRATION)
def test_what_registration_fills_in_may_be_empty_only_before_it(name: str) -> None:
    tags = some_tags(**{name: ""})

    assert tag_problems(tags, "1.5.1", registered=False) == []
    (problem,) = tag_problems(tags, "1.5.1")
    assert "the pipeline that registers the environment" in problem.fix


def test_a_value_that_yaml_did_not_read_as_text_is_told() -> None:
    """`true` without quotes is no text, and Azure ML's tags are text."""
    (problem,) = tag_problems(some_tags(backward_compatible=True), "1.5.1")

    assert problem.value == '"True", which is no text'
    assert "quotes" in problem.fix


def test_all_problems_are_told_at_once_in_the_order_of_the_tags() -> None:
    tags = some_tags(pr_number="x", backward_compatible="x", python_version="x")

    assert [problem.field for problem in tag_problems(tags, "1.5.1")] == [
        "backward_compatible",
        "python_version",
        "pr_number",
    ]
    assert [problem.field for problem in tag_problems({}, "1.5.1")] == list(REQUIRED_TAGS)


def test_other_tags_are_left_alone_and_long_values_are_cut() -> None:
    (problem,) = tag_problems(some_tags(team="sensors", pr_number="9" * 5000), "1.5.1")

    assert problem.field == "pr_number"
    assert len(problem.value) < 70


# Releases of an environment alone


@pytest.mark.parametrize(("version", "expected"), [("1.5.1", ChangeClass.PATCH), ("1.6.0", ChangeClass.MINOR)])
def test_a_patch_or_a_feature_may_be_released_alone(version: str, expected: ChangeClass) -> None:
    """A better log, and one function more."""
    found = review(version=version, previous="1.5.0", tags=some_tags(version))

    assert found.may_be_released
    assert (found.change, found.problems, found.refusal) == (expected, (), "")


def test_a_breaking_change_is_refused_with_the_route_to_take() -> None:
    """Examples 2 and 4: version and tags agree, nothing is wrong, and models must be trained again."""
    found = review(version="2.0.0", previous="1.5.0", tags=some_tags("2.0.0", **BREAKING))

    assert not found.may_be_released
    assert (found.change, found.problems) == (ChangeClass.MAJOR, ())
    assert 'training.environment_version to "2.0.0"' in found.refusal
    assert "release the models" in found.refusal


@pytest.mark.parametrize("name", BREAKING)
def test_one_tag_alone_that_calls_a_patch_breaking_is_refused_and_told(name: str) -> None:
    """In doubt it is breaking; the problem names both sides."""
    found = review(version="1.5.1", previous="1.5.0", tags=some_tags(**{name: BREAKING[name]}))

    (problem,) = found.problems
    breaking, _, harmless = problem.value.partition("; not breaking by ")
    assert name in breaking
    assert "PATCH" not in breaking
    assert all(other in harmless for other in {*BREAKING, "version 1.5.0 to 1.5.1 (PATCH)"} - {name})
    assert name in found.refusal


def test_a_major_version_whose_tags_say_compatible_is_refused_and_told() -> None:
    found = review(version="2.0.0", previous="1.5.0", tags=some_tags("2.0.0"))

    (problem,) = found.problems
    assert problem.value.startswith("breaking by version 1.5.0 to 2.0.0 (MAJOR); not breaking by backward_compatible")
    assert "MAJOR" in found.refusal


def test_breaking_tags_on_a_patch_leave_only_the_version_to_correct() -> None:
    found = review(version="1.5.1", previous="1.5.0", tags=some_tags(**BREAKING))

    (problem,) = found.problems
    assert problem.value.endswith("; not breaking by version 1.5.0 to 1.5.1 (PATCH)")


@pytest.mark.parametrize("version", ["1.5.0", "1.4.9"])
def test_the_same_or_a_lower_version_is_no_release(version: str) -> None:
    """Going back is a rollback."""
    found = review(version=version, previous="1.5.0", tags=some_tags(version))

    (problem,) = found.problems
    assert (found.change, problem.field) == (None, "version")
    assert "roll back" in problem.fix


def test_a_version_that_is_none_and_malformed_tags_are_told_together() -> None:
    found = review(version="latest", previous="1.5.0", tags=some_tags("1.5.1", pr_number="1"))

    assert [problem.field for problem in found.problems] == ["version", "source_code_version", "pr_number"]
    assert found.change is None


def test_a_malformed_flag_says_nothing_about_the_change() -> None:
    """It is told as malformed, not as a disagreement."""
    found = review(version="1.5.1", previous="1.5.0", tags=some_tags(requires_retrain="maybe"))

    assert [problem.field for problem in found.problems] == ["requires_retrain"]


@given(VERSIONS, VERSIONS, st.sets(st.sampled_from(sorted(BREAKING))))
def test_nothing_that_anybody_calls_breaking_is_ever_released_alone(
    previous: SemanticVersion, version: SemanticVersion, breaking: set[str]
) -> None:
    tags = some_tags(str(version), **{name: BREAKING[name] for name in breaking})

    found = review(version=str(version), previous=str(previous), tags=tags)

    assert found.may_be_released == (version > previous and version.major == previous.major and not breaking)
