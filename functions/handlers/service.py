"""Whether the app lives, and which one it is. Public and cheap: nothing outside is asked, nothing secret told."""

import logging
import platform
from http import HTTPStatus

import azure.functions as func

from functions.handlers.http_answers import json_answer, problem
from shared import bootstrap
from shared.contracts.http.service import Alive, AppVersion
from shared.settings import SettingsError
from shared.version import VERSION

log = logging.getLogger(__name__)


async def read_health(req: func.HttpRequest) -> func.HttpResponse:
    """503 where the settings cannot be used: the log says which, an answer to everybody does not."""
    try:
        bootstrap.settings()
    except SettingsError as error:
        log.error("not healthy: %s", error)
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "the app's settings cannot be used; its log names them")
    return json_answer(Alive())


async def read_version(req: func.HttpRequest) -> func.HttpResponse:
    """The release number; the package holds no other mark of it."""
    return json_answer(AppVersion(version=VERSION, python=platform.python_version()))
