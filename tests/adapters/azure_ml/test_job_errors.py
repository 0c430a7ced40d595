"""Why a job failed is told in one printable line."""

import pytest

from shared.adapters.azure_ml.job_errors import CHARS_MAX, printable


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("\n \n", ""),
        ("Traceback:\n  File x\nValueError: no rows\n\n", "ValueError: no rows"),
        ("bad\x1b[31m \u202eline\x00", "bad[31m line"),
        ("get https://a/b?sv=1&sig=abc%3D&se=2", "get https://a/b?sv=1&sig=...&se=2"),
        ("AccountKey=abc==;Token='x' PASSWORD=p w", "AccountKey=...;Token=...' PASSWORD=... w"),
    ],
)
def test_the_last_line_is_told_without_secrets_and_control_characters(text: str, line: str) -> None:
    assert printable(text) == line


def test_a_long_line_is_cut() -> None:
    assert printable("x" * 10_000) == "x" * (CHARS_MAX - 3) + "..."
