"""Versions and tags of an environment: what kind of change it is, and whether it may be released without new models.

See R-ENV-1 to R-ENV-4, R-ENV-8 and R-ENV-10. Nothing here raises on what people wrote, except `SemanticVersion.parse`:
everything wrong is told at once.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

from shared.domain.errors import InvalidRequest
from shared.domain.shown import shown

VALUE_CHARS_SHOWN = 60

_NUMBER = r"(?:0|[1-9][0-9]{0,5})"
_SEMANTIC = rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})"
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|\+00:00)"


@dataclass(frozen=True, order=True, slots=True)
class SemanticVersion:
    """MAJOR.MINOR.PATCH, ordered by number; each part is 0 to 999,999."""

    major: int
    minor: int
    patch: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Exactly three numbers without leading zeros, signs, blanks or suffixes; InvalidRequest otherwise."""
        found = re.fullmatch(_SEMANTIC, text)
        if not found:
            raise InvalidRequest(f"{_shown(text)} is no environment version: write MAJOR.MINOR.PATCH, such as 1.5.1")
        return cls(*(int(part) for part in found.groups()))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


class ChangeClass(StrEnum):
    """What a new version is, seen from the one before it. Only MAJOR needs new models."""

    MAJOR = "major"
    MINOR = "minor"
    PATCH = "patch"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentProblem:
    """One mistake: `field` is `version`, `version and tags` or a tag's name; `value` is shortened, empty if missing."""

    field: str
    value: str
    must: str
    fix: str

    def __str__(self) -> str:
        return f"{self.field}: {self.value or 'missing'}; must be {self.must}; {self.fix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentReview:
    """May this version be released alone? `change` is None when the versions say nothing; `refusal` names the route."""

    change: ChangeClass | None
    problems: tuple[EnvironmentProblem, ...]
    refusal: str

    @property
    def may_be_released(self) -> bool:
        """True when nothing is wrong and no model has to be trained again."""
        return not self.problems and not self.refusal


@dataclass(frozen=True, slots=True)
class _TagRule:
    must: str
    example: str
    holds: Callable[[str], bool]
    filled_at_registration: bool = False


def _matches(pattern: str) -> Callable[[str], bool]:
    return lambda value: re.fullmatch(pattern, value) is not None


def _is_utc_time(value: str) -> bool:
    if not re.fullmatch(_TIME, value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:  # the form is right, the day or the hour does not exist
        return False
    return True


_FLAG = _TagRule('the text "true" or "false"', "false", _matches("true|false"))
_RULES: dict[str, _TagRule] = {
    "backward_compatible": _TagRule(_FLAG.must, "true", _FLAG.holds),
    "requires_retrain": _FLAG,
    "tensorflow_version": _TagRule("a version of three numbers", "2.21.0", _matches(_SEMANTIC)),
    "python_version": _TagRule("a version of two or three numbers", "3.11", _matches(r"[0-9]+(\.[0-9]+){1,2}")),
    "source_code_version": _TagRule("the environment's version", "1.5.1", _matches(_SEMANTIC)),
    "change_summary": _TagRule(
        "what changed, in words", "Clearer log lines while scoring", lambda value: bool(value.strip())
    ),
    "breaking_changes": _TagRule("what breaks, in words, or empty text", "", lambda value: True),
    "git_commit_sha": _TagRule(
        "the commit, 7 to 64 hexadecimal digits", "a1b2c3d4", _matches("[0-9a-fA-F]{7,64}"), True
    ),
    "registered_at": _TagRule("a time in UTC, ISO 8601", "2025-12-09T10:30:00Z", _is_utc_time, True),
    "registered_by": _TagRule("who registered it: one identifier", "an e-mail address", _matches(r"\S+"), True),
    "pr_number": _TagRule("the pull request, PR- and its number", "PR-1234", _matches("PR-[1-9][0-9]{0,9}"), True),
    "cuda_version": _TagRule("a version, or empty text without a GPU", "12.4", _matches(r"([0-9]+(\.[0-9]+){1,2})?")),
    "openmpi_version": _TagRule("a version of two or three numbers", "4.1.0", _matches(r"[0-9]+(\.[0-9]+){1,2}")),
}

REQUIRED_TAGS = tuple(_RULES)
"""Every tag an environment must carry; all values are text, because tags of Azure ML are."""

FILLED_AT_REGISTRATION = tuple(name for name, rule in _RULES.items() if rule.filled_at_registration)
"""Empty in the definition in the repository; the pipeline that registers the environment writes them."""


def tag_problems(tags: Mapping[str, object], version: str, *, registered: bool = True) -> list[EnvironmentProblem]:
    """Everything wrong with the required tags, in their order; other tags are nobody's business here.

    With `registered=False`, for the definition in the repository, the tags of FILLED_AT_REGISTRATION may be empty.
    """
    problems = []
    for name, rule in _RULES.items():
        value = tags.get(name)
        if not registered and rule.filled_at_registration and value == "":
            continue
        if name == "source_code_version":
            rule = _TagRule(f"the environment's version, {_shown(version)}", version, _equals(version))
        if not isinstance(value, str) or not rule.holds(value):
            problems.append(_tag_problem(name, value, rule, present=name in tags))
    return problems


def change_class(previous: SemanticVersion, version: SemanticVersion) -> ChangeClass:
    """The leftmost part in which the two differ; InvalidRequest unless `version` is the higher one."""
    if version <= previous:
        raise InvalidRequest(f"{version} is not higher than {previous}: raise the version, or roll back to go back")
    if version.major != previous.major:
        return ChangeClass.MAJOR
    return ChangeClass.MINOR if version.minor != previous.minor else ChangeClass.PATCH


def review(*, version: str, previous: str, tags: Mapping[str, object]) -> EnvironmentReview:
    """What stands against releasing the registered `version` alone where `previous` runs.

    When circuits run several versions, `previous` is the lowest of them: a break anywhere between counts. A change is
    refused as soon as the version or any one tag calls it breaking: in doubt it is.
    """
    problems = tag_problems(tags, version)
    change: ChangeClass | None = None
    try:
        change = change_class(SemanticVersion.parse(previous), SemanticVersion.parse(version))
    except InvalidRequest as error:
        must = f"a semantic version above {_shown(previous)}"
        problems.insert(0, EnvironmentProblem(field="version", value=_shown(version), must=must, fix=str(error)))
    said = _breaking_by_source(change, version, previous, tags)
    breaking, harmless = [[text for text, is_breaking in said if is_breaking is side] for side in (True, False)]
    if breaking and harmless:
        problems.append(_disagreement(breaking, harmless))
    refusal = _refusal(version, breaking) if breaking else ""
    return EnvironmentReview(change=change, problems=tuple(problems), refusal=refusal)


def compatible_versions(
    environments: Iterable[tuple[str, Mapping[str, str]]], *, running: SemanticVersion | None = None
) -> list[SemanticVersion]:
    """The versions, lowest first, whose tags say that models keep working.

    With `running`, only those above it with no breaking version on the way there: 2.0.1 may be compatible with 2.0.0,
    yet what runs 1.5.0 cannot take it. Versions that are not semantic are no releases of ours and are left out.
    """
    known = [(SemanticVersion.parse(text), tags) for text, tags in environments if re.fullmatch(_SEMANTIC, text)]
    compatible: list[SemanticVersion] = []
    for version, tags in sorted(known, key=lambda each: each[0]):
        if running and version <= running:
            continue
        if _is_compatible(tags) and (not running or version.major == running.major):
            compatible.append(version)
        elif running:
            break
    return compatible


def _is_compatible(tags: Mapping[str, str]) -> bool:
    return (tags.get("backward_compatible"), tags.get("requires_retrain")) == ("true", "false")


def _breaking_by_source(
    change: ChangeClass | None, version: str, previous: str, tags: Mapping[str, object]
) -> list[tuple[str, bool]]:
    """Who calls the change breaking and who does not; whatever is missing or malformed says nothing."""
    said: list[tuple[str, bool]] = []
    if change:
        said.append((f"version {previous} to {version} ({change.upper()})", change is ChangeClass.MAJOR))
    for name, breaking_value in (("backward_compatible", "false"), ("requires_retrain", "true")):
        value = tags.get(name)
        if isinstance(value, str) and _FLAG.holds(value):
            said.append((f'{name} "{value}"', value == breaking_value))
    text = tags.get("breaking_changes")
    if isinstance(text, str):
        said.append((f"breaking_changes {_shown(text)}", bool(text.strip())))
    return said


def _disagreement(breaking: list[str], harmless: list[str]) -> EnvironmentProblem:
    return EnvironmentProblem(
        field="version and tags",
        value=f"breaking by {', '.join(breaking)}; not breaking by {', '.join(harmless)}",
        must="in agreement",
        fix='a breaking change has a higher MAJOR, backward_compatible "false", requires_retrain "true" and a text in '
        'breaking_changes; any other has the same MAJOR, "true", "false" and ""',
    )


def _refusal(version: str, breaking: list[str]) -> str:
    return (
        f"the change is breaking ({', '.join(breaking)}), so it needs new models and cannot be released alone: set "
        f"training.environment_version to {_shown(version)} in the circuits' files, merge, so that they are trained "
        "again, and release the models; the environment goes to production with them"
    )


def _tag_problem(name: str, value: object, rule: _TagRule, *, present: bool) -> EnvironmentProblem:
    if not present:
        shown, fix = "", "add the tag"
    elif not isinstance(value, str):
        shown, fix = f"{_shown(str(value))}, which is no text", "put it in quotes"
    elif not value and rule.filled_at_registration:
        shown, fix = _shown(value), "let the pipeline that registers the environment fill it in"
    else:
        shown, fix = _shown(value), "correct the tag"
    return EnvironmentProblem(
        field=name, value=shown, must=rule.must, fix=f"{fix}, for example: {rule.example or 'empty'}"
    )


def _equals(wanted: str) -> Callable[[str], bool]:
    return lambda value: value == wanted


def _shown(text: str) -> str:
    return f'"{shown(text, VALUE_CHARS_SHOWN)}"'
