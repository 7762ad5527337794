"""Signatures of envelopes: HMAC-SHA256 with a secret that both ends hold."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from schedulergodx.errors import BadSignature, ConfigError

SIGNATURE_HEADER = "x-schedulergodx-signature"  # of a message in JSON: hex, of its bytes
_SHORTEST = 16


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs and verifies with one secret; without one it signs nothing and takes everything.

    secret: at least 16 bytes, or None
    """

    secret: bytes | None = None

    def __post_init__(self) -> None:
        if self.secret is not None and len(self.secret) < _SHORTEST:
            raise ConfigError(
                f"the secret has {len(self.secret)} bytes and needs at least {_SHORTEST}: "
                "make one with `python -c 'import secrets; print(secrets.token_hex(32))'`"
            )

    def sign(self, data: bytes) -> bytes:
        """The signature of `data`, 32 bytes; empty without a secret."""
        return b"" if self.secret is None else hmac.digest(self.secret, data, "sha256")

    def verify(self, data: bytes, signature: bytes) -> None:
        """Raise BadSignature unless `signature` is what this secret makes of `data`."""
        if self.secret is None:
            return
        if not signature:
            raise BadSignature(
                "the message is not signed, and this end takes signed ones only: "
                "give the sender the same SCHEDULERGODX_SECRET"
            )
        if not hmac.compare_digest(self.sign(data), signature):
            raise BadSignature(
                "the message is signed with another secret: "
                "give both ends the same SCHEDULERGODX_SECRET"
            )
