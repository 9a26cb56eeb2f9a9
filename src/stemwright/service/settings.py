"""How the service runs: addresses, limits, how long things are kept."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path

from stemwright.errors import InputError, RefusedError

__all__ = ["LOOPBACK_NAMES", "ServiceSettings", "is_loopback", "parse_expire"]

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
SHORTEST_TOKEN = 16
_UNITS_S = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
MB = 1_000_000
GB = 1_000_000_000


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """What the service allows.

    Parameters
    ----------
    data : Path
        Its folder: uploads, sessions, secret.
    host : str
        Address to listen on.
    port : int
        0 takes any that is free.
    token : str, optional
        What programs send as bearer, and browsers sign in with; needed beyond loopback. Whoever has it owns
        all that was made with it, on any device. Several, with spaces between them, are several owners.
    names : tuple of str
        Host names under which it is reached, beside loopback and plain addresses.
    expire_s : float, optional
        Finished sessions and uploads go so long after they were last asked for; None keeps them.
    failed_s : float
        Where things expire: what a job that came to nothing leaves behind goes so long after its end.
    max_song_bytes, max_song_s
        Of each song of a remix or an analysis.
    max_upload_bytes, max_upload_s
        Of each uploaded file: stems of a production may be long. All stems of one song together may have as
        many bytes as one upload.
    max_unpacked_bytes : int
        Of a zip.
    max_channels : int
        Of any file.
    min_prompt, max_prompt : int
        Characters of a prompt.
    min_free_bytes : int
        Disk space that stays free.
    max_files : int
        Files of one request.
    analyze_timeout_s : float
        An analysis that takes longer is answered with 408.
    probe_timeout_s : float
        A header that takes longer to read is refused.
    """

    data: Path
    host: str = "127.0.0.1"
    port: int = 8765
    token: str | None = None
    names: tuple[str, ...] = ()
    expire_s: float | None = None
    failed_s: float = 900.0
    max_song_bytes: int = 50 * MB
    max_song_s: float = 600.0
    max_upload_bytes: int = 2 * GB
    max_upload_s: float = 3 * 3600.0
    max_unpacked_bytes: int = 8 * GB
    max_channels: int = 8
    min_prompt: int = 5
    max_prompt: int = 1_000
    min_free_bytes: int = GB
    max_files: int = 512
    analyze_timeout_s: float = 10.0
    probe_timeout_s: float = 5.0

    def require_safe(self) -> None:
        """Raise unless it is safe to listen like this.

        Raises
        ------
        RefusedError
            Beyond loopback without a token.
        InputError
            When the token is too short to be a secret.
        """
        if self.token is None and not is_loopback(self.host):
            raise RefusedError(
                f"Listening on {self.host} would let everybody in the network in.",
                way_out="Set STEMWRIGHT_TOKEN to a long secret, or leave --host out.",
            )
        if self.token is not None and not self.token.strip():
            raise InputError("The token is empty.", way_out="Leave STEMWRIGHT_TOKEN away, or set it.")
        shortest = min(map(len, (self.token or "").split()), default=SHORTEST_TOKEN)
        if shortest < SHORTEST_TOKEN:
            raise InputError(
                f"The token has {shortest} characters; a secret has at least {SHORTEST_TOKEN}.",
                way_out="Make one: python -c 'import secrets; print(secrets.token_urlsafe())'.",
            )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def parse_expire(text: str | None) -> float | None:
    """Read ``"3h"``, ``"90m"``, ``"2d"`` or ``"45s"`` as seconds; None or ``"never"`` keeps everything."""
    if text is None or text == "never":
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|min|h|d)", text.strip())
    if found is None or float(found[1]) <= 0:
        raise InputError(f'--expire "{text}" is no length of time.', way_out="Write 3h, 90m or 2d.")
    return float(found[1]) * _UNITS_S[found[2]]
