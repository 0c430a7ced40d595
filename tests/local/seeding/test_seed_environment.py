"""The line that registers an environment version to practise with."""

from pathlib import Path

import pytest

from local.seed_environment import seed_environment


@pytest.mark.parametrize(
    ("version", "said"), [("1.5", "write MAJOR.MINOR.PATCH, such as 1.5.1"), ("1.5.1", "up")], ids=["version", "cloud"]
)
def test_a_mistake_is_told_in_words_and_nothing_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], version: str, said: str
) -> None:
    """No such version; or no local cloud runs in that directory."""
    with pytest.raises(SystemExit) as ended:
        seed_environment(version, data=tmp_path)

    assert ended.value.code == 1
    assert said in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
