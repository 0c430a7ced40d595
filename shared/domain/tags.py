"""What Azure allows in a tag of a deployment, and numbers that tags hold."""

import math
import re

TAG_CHARS_MAX = 256
"""Azure Resource Manager's limit of a tag's value; tags of models and environments may be longer."""


def as_tag(text: str) -> str:
    """The text, cut visibly where it does not fit."""
    return text if len(text) <= TAG_CHARS_MAX else text[: TAG_CHARS_MAX - 1] + "…"


_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def number_of(text: str) -> float | None:
    """The number that a tag's text is, with blanks around it or without; None where it is none or is not finite. What
    only Python calls a number (`1_0`, digits of other scripts) is none: people would read it in another way."""
    number = float(text) if _NUMBER.fullmatch(text := text.strip()) else math.inf
    return number if math.isfinite(number) else None
