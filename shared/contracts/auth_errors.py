"""Why a caller is turned away; the texts say what to do and never hold any part of a token."""


class AuthError(Exception):
    """The base of both refusals."""


class Unauthenticated(AuthError):
    """The caller did not prove who they are: answer 401."""


class Forbidden(AuthError):
    """The caller is known and may not use this API: answer 403."""


class KeysUnavailable(AuthError):
    """The signing keys cannot be read, so no token can be verified for the moment: answer 503."""
