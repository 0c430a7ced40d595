"""Why a caller is turned away; the texts say what to do and never hold any part of a token."""


class AuthError(Exception):
    """The base of both refusals."""


class Unauthenticated(AuthError):
    """Nobody knows who is calling: answer 401."""


class Forbidden(AuthError):
    """The caller is known and may not use this API: answer 403."""


class KeysUnavailable(AuthError):
    """The signing keys cannot be read, so nobody can be recognised for the moment: answer 503."""
