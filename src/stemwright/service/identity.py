"""Who asks: a browser by its cookie, a program by its bearer.

Owners are digests: no list of them lets anybody in.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

__all__ = ["COOKIE", "COOKIE_AGE_S", "Identity"]

COOKIE = "stemwright"
COOKIE_AGE_S = 400 * 86_400
SHORTEST_BEARER = 16


class Identity:
    """Makes and reads cookies, and tells owners.

    Parameters
    ----------
    data : Path
        Keeps the secret that signs cookies; made once.
    token : str, optional
        The service's token; another one makes all cookies invalid.
    """

    def __init__(self, data: Path, token: str | None) -> None:
        self._token = token
        self._key = hashlib.sha256(_secret(data / "secret") + (token or "").encode()).digest()

    def new_cookie(self) -> str:
        """Make a cookie for a browser that has none."""
        ident = secrets.token_urlsafe(24)
        return f"{ident}.{self._sign(ident)}"

    def owner_of_cookie(self, cookie: str) -> str | None:
        """Tell the owner; None when the cookie was not made here."""
        ident, _, signature = cookie.partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(ident).encode()):
            return None
        return _owner("browser", ident)

    def owner_of_bearer(self, bearer: str) -> str | None:
        """Tell the owner; without a token, a program of this machine is known by any long text it sends."""
        if self._token is None:
            return _owner("program", bearer) if len(bearer) >= SHORTEST_BEARER else None
        return _owner("program", self._token) if self.is_token(bearer) else None

    def is_token(self, text: str) -> bool:
        """Whether a text is the service's token; takes the same time for every text."""
        return self._token is not None and hmac.compare_digest(text.encode(), self._token.encode())

    @property
    def open(self) -> bool:
        """Whether there is no token, and who comes gets a cookie."""
        return self._token is None

    def _sign(self, ident: str) -> str:
        return hmac.new(self._key, ident.encode(), hashlib.sha256).hexdigest()


def _owner(kind: str, ident: str) -> str:
    return hashlib.sha256(f"{kind}:{ident}".encode()).hexdigest()[:40]


def _secret(path: Path) -> bytes:
    """Read the secret of this data folder, or make it; two processes that start at once agree on one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".secret.{os.getpid()}-{secrets.token_hex(4)}")
    if not path.exists():
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
        try:
            os.link(part, path)
        except FileExistsError:
            pass
        finally:
            part.unlink()
    return path.read_bytes()
