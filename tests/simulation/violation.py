"""What a judge says."""


class Violation(BaseException):
    """Something happened that must never happen."""


def require(condition: bool, message: str) -> None:
    """Raises Violation."""
    if not condition:
        raise Violation(message)
