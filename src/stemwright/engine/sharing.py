"""Files and finished steps that many machines share: a bucket behind the folders of each."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from stemwright.engine.files import Bucket
from stemwright.engine.orders import Site
from stemwright.errors import InputError, StorageError
from stemwright.pipeline.store import RECORD, Entry, Store, StoreSettings

__all__ = ["ObjectBucket", "SharedStore", "SharedStoreSettings", "bucket_of", "store_of"]

PIECE_BYTES = 8 * 2**20
LARGE_BYTES = 64 * 2**20
PATIENCE_S = 120.0
"""How long a bucket that does not answer is asked again: jobs wait meanwhile, and go on when it is back."""


class ObjectBucket:
    """A bucket through obstore: ``s3://``, ``gs://``, ``az://``, or ``file://`` for a network disk.

    Parameters
    ----------
    url : str
        Bucket and prefix; credentials come from the environment.
    """

    def __init__(self, url: str) -> None:
        try:
            from obstore.store import from_url
        except ImportError as error:
            raise InputError(
                "A shared store needs obstore.", way_out='Install it: pip install "stemwright[s3]".'
            ) from error
        retry: Any = {"retry_timeout": timedelta(seconds=PATIENCE_S)}
        local = url.startswith("file:")
        self.store: Any = from_url(url, mkdir=True) if local else from_url(url, retry_config=retry)

    def put(self, name: str, path: Path) -> None:
        """Keep a file; one that is there already stays, for its content is the same."""
        import obstore
        from obstore.exceptions import AlreadyExistsError

        with _telling("written"):
            if self._has(name):
                return
            # what is large goes up in parts, which can't be create-only; the same name is the same content
            large = path.stat().st_size >= LARGE_BYTES
            with suppress(AlreadyExistsError):  # another machine was faster with the same content
                obstore.put(self.store, name, path, mode="overwrite" if large else "create")

    def fetch(self, name: str, path: Path) -> bool:
        """Write a file to `path`; False when there is none."""
        import obstore
        from obstore.exceptions import NotFoundError

        with _telling("read"):
            try:
                found = obstore.get(self.store, name)
            except (NotFoundError, FileNotFoundError):
                return False
            with path.open("wb") as file:
                for piece in found.stream(min_chunk_size=PIECE_BYTES):
                    file.write(piece)
            return True

    def remove(self, name: str) -> None:
        """Forget a file."""
        import obstore
        from obstore.exceptions import NotFoundError

        with _telling("written"), suppress(NotFoundError, FileNotFoundError):
            obstore.delete(self.store, name)

    def _has(self, name: str) -> bool:
        import obstore
        from obstore.exceptions import NotFoundError

        try:
            obstore.head(self.store, name)
        except (NotFoundError, FileNotFoundError):
            return False
        return True


@contextmanager
def _telling(what: str) -> Iterator[None]:
    """Say plainly that the bucket did not do what it was asked for."""
    from obstore.exceptions import BaseError

    try:
        yield
    except BaseError as error:
        raise StorageError(f"The shared store can't be {what}.", way_out="Try again later.") from error


class SharedStore(Store):
    """A store whose finished steps other machines find too.

    Parameters
    ----------
    settings : StoreSettings
        The folder of this machine.
    bucket : Bucket
        Where the others look.
    """

    def __init__(self, settings: StoreSettings, bucket: Bucket) -> None:
        super().__init__(settings)
        self._bucket = bucket

    def find(self, key: str) -> Entry | None:
        """Look up a finished step here, then in the bucket."""
        return super().find(key) or self._fetched(key)

    def keep(self, key: str, workspace: Path, record: Mapping[str, Any]) -> Entry:
        """Publish a step here and in the bucket."""
        entry = super().keep(key, workspace, record)
        packed = self.workspace() / "step.tar"
        try:
            with tarfile.open(packed, "w") as archive:
                archive.add(entry.folder, arcname=".")
            self._bucket.put(f"steps/{key}.tar", packed)
        finally:
            self.discard(packed.parent)
        return entry

    def _fetched(self, key: str) -> Entry | None:
        workspace = self.workspace()
        packed = workspace.with_suffix(".tar")
        try:
            if not self._bucket.fetch(f"steps/{key}.tar", packed):
                return None
            with tarfile.open(packed) as archive:
                archive.extractall(workspace, filter="data")
            record = json.loads((workspace / RECORD).read_text(encoding="utf-8"))["record"]
            (workspace / RECORD).unlink()
            return super().keep(key, workspace, record)
        finally:
            packed.unlink(missing_ok=True)
            self.discard(workspace)


@dataclass(frozen=True, slots=True)
class SharedStoreSettings(StoreSettings):
    """Settings of a `SharedStore`: they travel to the second process of a run.

    Parameters
    ----------
    bucket : str
        URL.
    """

    bucket: str = ""

    def open(self) -> Store:
        """Open the shared store."""
        return SharedStore(self, ObjectBucket(self.bucket))


def bucket_of(site: Site) -> ObjectBucket | None:
    """Return the bucket of a site, if it has one."""
    return ObjectBucket(site.bucket) if site.bucket else None


def store_of(site: Site) -> Store:
    """Return the store of a site."""
    if site.bucket:
        return SharedStoreSettings(site.store, site.store_bytes, site.bucket).open()
    return Store(StoreSettings(site.store, site.store_bytes))
