"""What a judge says."""


class Violation(AssertionError):
    """Something happened that must never happen."""


def require(condition: bool, message: str) -> None:
    """Raises Violation."""
    if not condition:
        raise Violation(message)
