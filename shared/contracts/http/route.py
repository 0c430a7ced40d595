"""The form in which a route of the HTTP API is declared.

The function app serves the declarations, the API's description is made of them. A cold start reads them, so models are
named and not imported: `releases.ReleaseView` is the class `ReleaseView` of `shared/contracts/http/releases.py`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal, NamedTuple

JSON = "application/json"


class Access(StrEnum):
    """What a caller shows to be let in; the value names the scheme in the API's description."""

    TOKEN = "entra"  # nosec B105 # a kind of access
    GITHUB = "githubSignature"
    AZURE_DEVOPS = "azureDevOpsPassword"
    PUBLIC = "none"


class Body(NamedTuple):
    """What a request brings. Without a model the form is somebody else's, and not ours to describe."""

    model: str = ""
    content_types: tuple[str, ...] = (JSON,)


class Query(NamedTuple):
    """A parameter that may be left out; `schema` is JSON schema."""

    name: str
    schema: Mapping[str, Any]


class Route(NamedTuple):
    """One operation: how it is called, and every answer it may give."""

    method: Literal["GET", "POST"]
    operation: str
    """Context and name, such as `alerts.list_alerts`. The function has this name, its handler is found by both."""
    path: str
    """Below `/api/`; parameters are in braces."""
    summary: str
    answer: str
    """The model of every success, or several with bars between them. Empty where the form is not ours to describe."""
    told: Mapping[int, str]
    """What each status of success says."""
    refusals: tuple[int, ...]
    """The statuses of problems, besides those that every caller may meet."""
    body: Body | None = None
    query: tuple[Query, ...] = ()
    file: bool = False
    """Whether the answer may be a file instead."""
    access: Access = Access.TOKEN

    @property
    def models(self) -> tuple[str, ...]:
        """The models of its successes."""
        return tuple(self.answer.split(" | ")) if self.answer else ()

    @property
    def problems(self) -> tuple[int, ...]:
        """The statuses of every problem it may answer with."""
        if self.access is Access.PUBLIC:
            return self.refusals
        return (*self.refusals, 401, 503, *((403,) if self.access is Access.TOKEN else ()))
