"""Signatures of envelopes: HMAC-SHA256 with a secret that both ends hold."""

from __future__ import annotations

import hmac

from schedulergodx.errors import BadSignature, ConfigError

SIGNATURE_HEADER = "x-schedulergodx-signature"  # of a message in JSON: hex, of its bytes
_SHORTEST = 16


class Signer:
    """Signs and verifies with one secret; without one it signs nothing and takes everything.

    secret: at least 16 bytes, or None
    """

    __slots__ = ("_begun",)

    def __init__(self, secret: bytes | None = None) -> None:
        if secret is not None and len(secret) < _SHORTEST:
            raise ConfigError(
                f"the secret has {len(secret)} bytes and needs at least {_SHORTEST}: "
                "make one with `python -c 'import secrets; print(secrets.token_hex(32))'`"
            )
        # To begin one takes longer than to go on from a copy, and there is one an envelope.
        self._begun = None if secret is None else hmac.new(secret, digestmod="sha256")

    def sign(self, data: bytes) -> bytes:
        """The signature of `data`, 32 bytes; empty without a secret. Hot."""
        if self._begun is None:
            return b""
        code = self._begun.copy()
        code.update(data)
        return code.digest()

    def verify(self, data: bytes, signature: bytes) -> None:
        """Raise BadSignature unless `signature` is what this secret makes of `data`."""
        if self._begun is None:
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
