"""Who had which file uploaded, and when it was last needed; the engine keeps the files themselves."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from stemwright.io.files import atomic_write_text

__all__ = ["NOT_AUDIO", "ZIP", "Files", "Shelf", "Upload"]

ZIP = "ZIP"
NOT_AUDIO = ("MIDI", "SOUNDFONT", ZIP)
_DIGEST = re.compile("[0-9a-f]{64}")


class Files(Protocol):
    """Files under their sha256, as the engine keeps them."""

    def add(self, path: Path, *, sha256: str = "") -> str:
        """Keep a file of this disk; returns its sha256, which need not be found out where it is known."""

    def has(self, sha256: str) -> bool:
        """Whether a file is there."""

    def path(self, sha256: str) -> Path:
        """Return where a file is; `InputError` when nobody has it."""

    def remove(self, sha256: str) -> bool:
        """Forget a file; False while a session needs it."""

    def sweep(self, *, older_than_s: float) -> int:
        """Forget files that no session needs and nobody sent again for so long; returns how many."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that somebody uploaded.

    Attributes
    ----------
    sha256 : str
        Its content.
    name : str
        What it was called; hostile until escaped.
    bytes : int
        Its size.
    container : str
        What it is, by content.
    channels, sample_rate : int
        0 where only decoding tells.
    duration_s : float or None
        As its header declares it.
    holds : int
        Audio files in a zip.
    """

    sha256: str
    name: str
    bytes: int
    container: str
    channels: int = 0
    sample_rate: int = 0
    duration_s: float | None = None
    holds: int = 0

    @property
    def is_audio(self) -> bool:
        """Whether it can be heard: no notes, no instrument, no zip."""
        return self.container not in NOT_AUDIO


class Shelf:
    """Uploads by owner: a digest that somebody else uploaded is no use to anybody.

    Parameters
    ----------
    data : Path
        The service's folder.
    files : Files
        Of the engine.
    """

    def __init__(self, data: Path, files: Files) -> None:
        self.files = files
        self.incoming = data / "incoming"
        self._folder = data / "uploads"
        self.incoming.mkdir(parents=True, exist_ok=True)
        self._folder.mkdir(parents=True, exist_ok=True)

    def part(self) -> Path:
        """Name a file to receive into."""
        return self.incoming / f"{os.getpid()}-{os.urandom(8).hex()}"

    def sweep(self) -> None:
        """Remove what was never received to its end; at start, when nothing is under way."""
        for part in self.incoming.iterdir():
            part.unlink(missing_ok=True)

    def keep(self, owner: str, part: Path, upload: Upload) -> Upload:
        """Take over a file that was received whole."""
        self.files.add(part, sha256=upload.sha256)
        card = self._card(owner, upload.sha256)
        card.parent.mkdir(exist_ok=True)
        atomic_write_text(card, json.dumps(asdict(upload)))
        return upload

    def find(self, owner: str, sha256: str) -> Upload | None:
        """Look up an upload of this owner, and remember that it was needed."""
        if not _DIGEST.fullmatch(sha256):
            return None
        card = self._card(owner, sha256)
        try:
            found = Upload(**json.loads(card.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        os.utime(card)
        return found if self.files.has(sha256) else None

    def forget(self, owner: str, digests: Iterable[str], *, age_s: float, needed: frozenset[str]) -> int:
        """Remove uploads of one owner that a failed session leaves behind; returns how many.

        What the owner asked for since, what another session needs and what somebody else uploaded too stays.
        """
        old, gone = time.time() - age_s, 0
        for digest in set(digests) - needed:
            card = self._card(owner, digest)
            with suppress(FileNotFoundError):
                if card.stat().st_mtime < old:
                    card.unlink()
                    gone += 1
            if not any(self._folder.glob(f"*/{digest}")):
                self.files.remove(digest)
        return gone

    def held_by_others(self, owner: str, digests: Iterable[str]) -> frozenset[str]:
        """Find which files somebody else uploaded too: they stay when this owner's session is erased."""
        return frozenset(
            digest
            for digest in digests
            if any(card.parent.name != owner for card in self._folder.glob(f"*/{digest}"))
        )

    def forget_old(self, age_s: float, *, needed: frozenset[str]) -> int:
        """Remove uploads that nobody asked for in so long, and that no session needs; returns how many."""
        old = time.time() - age_s
        gone = [card for card in self._cards() if card.name not in needed and card.stat().st_mtime < old]
        for card in gone:
            card.unlink(missing_ok=True)
        self.files.sweep(older_than_s=age_s)
        for folder in self._folder.iterdir():
            with suppress(OSError):  # it is not empty
                folder.rmdir()
        return len(gone)

    def _cards(self) -> Iterator[Path]:
        return self._folder.glob("*/*")

    def _card(self, owner: str, sha256: str) -> Path:
        return self._folder / owner / sha256
