"""Each kind of mistake is found: planted in a copy of the templates, one at a time."""

import shutil
from pathlib import Path

import pytest
import yaml

from infra.check.__main__ import problems
from infra.check.template import INFRA
from tests.infra.rendered import REPOSITORY

MISTAKES: list[dict[str, str]] = yaml.safe_load(Path(__file__).with_name("mistakes.yml").read_text(encoding="utf-8"))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The templates and what they read, in a place of their own."""
    shutil.copytree(INFRA, tmp_path / "infra", ignore=shutil.ignore_patterns("check"))
    queues = Path("local", "servicebus", "queues.json")
    (tmp_path / queues).parent.mkdir(parents=True)
    shutil.copy(REPOSITORY / queues, tmp_path / queues)
    return tmp_path / "infra"


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake["kind"])
def test_a_planted_mistake_is_found(mistake: dict[str, str], copy: Path) -> None:
    file = copy / mistake["file"]
    text = file.read_text()
    assert mistake["old"] in text, "there is nothing to plant it in"
    file.write_text(text.replace(mistake["old"], mistake["new"]))

    found = [str(each) for each in problems(copy)]

    assert [each for each in found if mistake["said"] in each], found


def test_at_least_twenty_kinds_are_planted() -> None:
    assert len({each["kind"] for each in MISTAKES}) == len(MISTAKES) >= 20


def test_the_copy_without_a_mistake_has_no_problem(copy: Path) -> None:
    assert problems(copy) == []
