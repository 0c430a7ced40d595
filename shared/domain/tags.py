"""What Azure allows in a tag of a deployment."""

TAG_CHARS_MAX = 256
"""Azure Resource Manager's limit of a tag's value; tags of models and environments may be longer."""


def as_tag(text: str) -> str:
    """The text, cut visibly where it does not fit."""
    return text if len(text) <= TAG_CHARS_MAX else text[: TAG_CHARS_MAX - 1] + "…"
