"""The board: its files, and how people sign in to it. Both are public; everything that is shown comes from the API."""

from functools import cache
from urllib.parse import urlsplit

import azure.functions as func

from functions.handlers.http_answers import json_answer
from shared import bootstrap
from shared.adapters.board_files import BoardFile, BoardFiles
from shared.contracts.http.board import BoardSettings
from shared.settings import APP_ROOT

_NOT_BUILT = (
    "The board is not built.\n\n"
    "From a checkout: run `make board`, then start the app again.\n"
    "In Azure: publish the folder board/dist with the app (docs/deploying.md).\n"
)


async def web_page(req: func.HttpRequest) -> func.HttpResponse:
    """A file of the board, or its page: whatever address the page has given itself."""
    return page_of(_built(), req)


def page_of(files: BoardFiles, req: func.HttpRequest) -> func.HttpResponse:
    """The answer to `req` where `files` are the board."""
    headers = _headers(_authority())
    if not files.is_built:
        return func.HttpResponse(_NOT_BUILT, status_code=503, mimetype="text/plain", headers=headers)
    file = files.at(str(req.route_params.get("path") or ""))
    if file is None:
        return func.HttpResponse(b"", status_code=404, headers=headers)
    return _answer(file, req, headers)


async def read_board_settings(req: func.HttpRequest) -> func.HttpResponse:
    """Public: the board asks for it before anybody has signed in."""
    settings = bootstrap.settings()
    api = next((each for each in settings.api_audience if "://" in each), settings.api_audience[0])
    scopes = ("openid", "profile", "offline_access", f"{api}/access_as_user")
    return json_answer(
        BoardSettings(authority=_authority(), client_id=settings.board_client_id, scope=" ".join(scopes))
    )


def _authority() -> str:
    return bootstrap.settings().issuers[0]


@cache
def _built() -> BoardFiles:
    return BoardFiles(APP_ROOT / "board" / "dist")


def _answer(file: BoardFile, req: func.HttpRequest, headers: dict[str, str]) -> func.HttpResponse:
    headers = {
        **headers,
        "ETag": file.etag,
        "Vary": "Accept-Encoding",
        "Cache-Control": "public, max-age=31536000, immutable" if file.kept else "no-cache",
    }
    if file.etag in str(req.headers.get("if-none-match", "")):
        return func.HttpResponse(b"", status_code=304, headers=headers)
    body = file.content
    if "gzip" in str(req.headers.get("accept-encoding", "")):
        body, headers["Content-Encoding"] = file.gzipped, "gzip"
    return func.HttpResponse(body, headers={**headers, "Content-Type": file.media_type})


def _headers(authority: str) -> dict[str, str]:
    """Nothing from another host, nothing inline; requests go to the app itself and to whoever signs people in."""
    address = urlsplit(authority)
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": f"'self' {address.scheme}://{address.netloc}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }
