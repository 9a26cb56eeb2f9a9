"""Who asks: where there is a token, whoever has it; else a browser by its cookie, a program by its bearer.

Owners are digests: no list of them lets anybody in.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

__all__ = ["COOKIE", "COOKIE_AGE_S", "SIGNED_OUT", "Identity"]

COOKIE = "stemwright"
COOKIE_AGE_S = 400 * 86_400
SIGNED_OUT = "-"
"""Stands where a cookie was."""
SHORTEST_BEARER = 16


class Identity:
    """Makes and reads cookies, and tells owners.

    Parameters
    ----------
    data : Path
        Keeps the secret that signs cookies; made once.
    token : str, optional
        The service's token, or several with spaces between them. Each is one owner on all of their devices;
        cookies of one that is gone are worth nothing.
    """

    def __init__(self, data: Path, token: str | None) -> None:
        secret = _secret(data / "secret")
        self._tokens = tuple((token or "").split())
        self._keys = {one: hashlib.sha256(secret + one.encode()).digest() for one in self._tokens or ("",)}

    def new_cookie(self, token: str = "") -> str:
        """Make a cookie for a browser that has none; where there are tokens, for one that shows its own."""
        ident = secrets.token_urlsafe(24)
        return f"{ident}.{_sign(self._keys[token], ident)}"

    def owner_of_cookie(self, cookie: str) -> str | None:
        """Tell the owner; None when the cookie was not made here."""
        ident, _, signature = cookie.partition(".")
        for token, key in self._keys.items():
            if hmac.compare_digest(signature.encode(), _sign(key, ident).encode()):
                return _owner("program", token) if token else _owner("browser", ident)
        return None

    def owner_of_bearer(self, bearer: str) -> str | None:
        """Tell the owner; without a token, a program of this machine is known by any long text it sends."""
        if self.open:
            return _owner("program", bearer) if len(bearer) >= SHORTEST_BEARER else None
        return _owner("program", bearer) if self.is_token(bearer) else None

    def is_token(self, text: str) -> bool:
        """Whether a text is a token of the service; each is compared in the same time for every text."""
        return any(hmac.compare_digest(text.encode(), one.encode()) for one in self._tokens)

    @property
    def open(self) -> bool:
        """Whether there is no token, and who comes gets a cookie."""
        return not self._tokens


def _sign(key: bytes, ident: str) -> str:
    return hmac.new(key, ident.encode(), hashlib.sha256).hexdigest()


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
