"""How foreign text is shortened."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.shown import both_ends


@pytest.mark.parametrize("length", [10, 100, 101, 9000])
def test_of_a_long_text_its_beginning_and_its_end_are_shown(length: int) -> None:
    text = "a" * (length - 6) + " cause"
    found = both_ends(text, 100)
    assert found == text if length <= 100 else found.startswith("a" * 32 + " … ") and found.endswith("a cause")


@given(st.text(), st.integers(10, 50))
def test_it_is_never_longer_than_asked_for(text: str, chars_max: int) -> None:
    assert len(both_ends(text, chars_max)) <= chars_max
