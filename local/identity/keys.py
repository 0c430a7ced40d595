"""RS256 signing keys: one signs, retired-but-published ones still verify, all survive a restart.

Entra rotates its keys without notice and publishes old and new side by side; a validator that caches a key
set for ever, or asks for it on every unknown key id, fails. Here rotation is a request, so that a test can
cause it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

KEY_BITS = 2048


@dataclass(frozen=True)
class SigningKey:
    kid: str
    private: rsa.RSAPrivateKey = field(repr=False)

    def public_jwk(self, issuer: str) -> dict[str, Any]:
        numbers = self.private.public_key().public_numbers()
        return {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.kid,
            "n": _base64url(numbers.n),
            "e": _base64url(numbers.e),
            "issuer": issuer,
        }


class KeyStore:
    """The keys in `<data>/signing-keys.json`, newest first; the first one signs."""

    def __init__(self, data: Path) -> None:
        data.mkdir(parents=True, exist_ok=True)
        self._file = data / "signing-keys.json"
        self._keys = self._load()
        if not self._keys:
            self.rotate()

    @property
    def signing(self) -> SigningKey:
        return self._keys[0]

    @property
    def published(self) -> tuple[SigningKey, ...]:
        return tuple(self._keys)

    def rotate(self) -> SigningKey:
        """Sign with a new key from now on; the old one stays published."""
        self._save([_new_key(), *self._keys])
        return self.signing

    def retire(self) -> list[str]:
        """Publish only the signing key; returns the ids of the keys taken away."""
        retired = [key.kid for key in self._keys[1:]]
        self._save(self._keys[:1])
        return retired

    def _load(self) -> list[SigningKey]:
        if not self._file.exists():
            return []
        stored: list[dict[str, str]] = json.loads(self._file.read_text())
        return [SigningKey(entry["kid"], _from_pem(entry["pem"])) for entry in stored]

    def _save(self, keys: list[SigningKey]) -> None:
        """Write beside, flush, then rename: a kill leaves the old set or the new one, never half of it."""
        beside = self._file.with_suffix(".new")
        text = json.dumps([{"kid": key.kid, "pem": _to_pem(key.private)} for key in keys], indent=1)
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(beside, self._file)
        self._keys = keys


def _new_key() -> SigningKey:
    private = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    public = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    thumbprint = hashlib.sha256(public).digest()[:20]
    return SigningKey(base64.urlsafe_b64encode(thumbprint).decode().rstrip("="), private)


def _to_pem(private: rsa.RSAPrivateKey) -> str:
    return private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _from_pem(pem: str) -> rsa.RSAPrivateKey:
    # Checking a key takes longer than everything else at start, and these are this part's own.
    key = serialization.load_pem_private_key(pem.encode(), password=None, unsafe_skip_rsa_key_validation=True)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("signing-keys.json holds a key that is not RSA: delete the file to get new ones.")
    return key


def _base64url(number: int) -> str:
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
