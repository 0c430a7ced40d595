"""Ids, derived from what they name. Keys match ^[a-z0-9][a-z0-9-]{0,62}$."""

import hashlib
import re

#: Longest release id; leaves room for the suffixes of command and event ids within 128 characters.
RELEASE_ID_MAX = 48

#: A release's id in two parts: what may be shortened, and its digest with the attempt.
_ENDS = re.compile(r"(.*?)((?:^|-)[0-9a-f]{6}(?:-attempt-\d+)?)?", re.DOTALL)


def release_id_of(workspace: str, model_name: str, model_version: str) -> str:
    """The release of a model version: readable, and unique by a digest of all three names."""
    digest = hashlib.sha256(f"{workspace}|{model_name}|{model_version}".encode()).hexdigest()[:6]
    slug = re.sub(r"[^a-z0-9]+", "-", f"{model_name}-{model_version}".lower()).strip("-") or "model"
    return f"{slug[: RELEASE_ID_MAX - 7].strip('-')}-{digest}"


def attempt_id_of(first: str, number: int) -> str:
    """The release of an attempt, from 1 on: the id of the first, shortened before its digest, and the number."""
    if number == 1:
        return first
    slug, _, digest = first.rpartition("-")
    return _shortened(slug, f"{digest}-attempt-{number}")


def rollback_id(undone: str, number: int) -> str:
    """The id of a release's rollback, from 1 on. Shortened before the digest and the attempt, so that two releases that
    are rolled back at once never meet in one."""
    slug, end = _ENDS.fullmatch(undone).groups("")  # type: ignore[union-attr]  # it matches every text
    return _shortened(slug, f"{end.lstrip('-')}-rollback-{number}".lstrip("-"))


def _shortened(slug: str, end: str) -> str:
    return f"{slug[: RELEASE_ID_MAX - len(end) - 1].strip('-')}-{end}".strip("-")


def content_digest(*parts: object) -> str:
    """Eight hexadecimal digits of what was said: equal content, equal id; other content, other id."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:8]
