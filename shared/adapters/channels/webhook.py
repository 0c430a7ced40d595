"""One post to a webhook, bounded in time and size of the answer, and never led elsewhere."""

import asyncio
from collections.abc import Mapping

import aiohttp

from shared.adapters.channels.answers import check
from shared.application.errors import PlatformOutcomeUnknown, TransientFault

CALL_DEADLINE_S = 15.0
_ANSWER_BYTES_MAX = 4096


class Poster:
    """Posts with a session of its own, which the first post opens."""

    def __init__(self, *, call_deadline_s: float = CALL_DEADLINE_S) -> None:
        self._call_deadline_s = call_deadline_s
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], what: str) -> None:
        """Returns once it was taken. Raises as `check` does; errors name `what`, not the address: it is a secret."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        try:
            async with (
                asyncio.timeout(self._call_deadline_s),
                self._session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                text = (await answer.content.read(_ANSWER_BYTES_MAX)).decode(errors="replace")
                status, said = answer.status, dict(answer.headers)
        except aiohttp.ClientConnectorError as error:  # no connection: nothing was sent
            raise TransientFault(f"{what} cannot be reached") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise PlatformOutcomeUnknown(f"{what} gave no answer ({type(error).__name__})") from error
        check(status, said, text, what)

    async def close(self) -> None:
        """Closes the session."""
        if self._session is not None:
            await self._session.close()
