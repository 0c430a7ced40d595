"""The errors of Azure Resource Manager, as one exception.

The SDK turns 404 into `ResourceNotFoundError`, 409 into `ResourceExistsError`, the rest into `HttpResponseError`
whose text is `(code) message` (docs/azure-facts.md#answers).
"""

from __future__ import annotations

from typing import Any


class ArmError(Exception):
    """An answer other than success, in the form the SDK parses."""

    def __init__(self, status: int, code: str, message: str, *, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"({code}) {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}

    @property
    def error(self) -> dict[str, Any]:
        """The inner error object, as it stands in an error answer and in a failed operation."""
        return {"code": self.code, "message": self.message, "details": [], "additionalInfo": []}


def not_found(what: str) -> ArmError:
    return ArmError(404, "ResourceNotFound", f"{what} was not found.")


def invalid(message: str) -> ArmError:
    return ArmError(400, "UserError", message)


def conflict(message: str) -> ArmError:
    return ArmError(409, "Conflict", message)


def not_emulated(what: str) -> ArmError:
    return ArmError(501, "NotImplemented", f"{what} is not something the local Azure Machine Learning serves.")
