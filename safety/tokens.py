"""A clinician's token: what a caller shows to confirm and sign, of which only a salted hash and a derived key are kept.

Agents do not hold it. It is given once, when an environment is made, and stands in no observation, report, specification,
pickle, copy or snapshot. Whoever runs code in the same process can read anything there: the token keeps apart the caller who
holds it and a policy that only acts and observes.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Any

from thecal.core.errors import ConfigError

LEAST = 16  # characters
_ROUNDS = 50_000
_SIGNING = b"thecal: signatures of typed commands"


class Token:
    """What is kept of a token.

    A copy or a pickle of it is ``None``: nobody confirms through a copy.

    Args:
        token: a text of at least :data:`LEAST` characters.

    Raises:
        ConfigError: it is none.
    """

    def __init__(self, token: str) -> None:
        if not isinstance(token, str) or len(token) < LEAST:
            raise ConfigError(f"clinician_token: it must be a text of at least {LEAST} characters")
        self._salt = os.urandom(16)
        self._hash = _derived(token, self._salt)
        self.key = signing_key(token)
        self.refused = 0  # wrong tokens that were shown
        self._used: set[str] = set()

    def fits(self, token: object) -> bool:
        """Whether this is the token; a wrong one is counted."""
        right = isinstance(token, str) and hmac.compare_digest(_derived(token, self._salt), self._hash)
        self.refused += 0 if right else 1
        return right

    def uses(self, due: str, given: str) -> bool:
        """Whether a signature is the due one and was never used before; a wrong or repeated one is counted."""
        right = given.isascii() and hmac.compare_digest(due, given) and due not in self._used
        if right:
            self._used.add(due)
        else:
            self.refused += 1
        return right

    def __repr__(self) -> str:
        return "<a clinician's token>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _nobody, ()


def signing_key(token: str) -> bytes:
    """The key that signs commands, from which the token cannot be read."""
    if not isinstance(token, str):
        raise ConfigError("clinician_token: it must be a text")
    return _derived(token, _SIGNING)


def _derived(token: str, salt: bytes) -> bytes:
    # A text that is no Unicode is a wrong token like any other.
    return hashlib.pbkdf2_hmac("sha256", token.encode(errors="surrogatepass"), salt, _ROUNDS)


def _nobody() -> None:
    return None
