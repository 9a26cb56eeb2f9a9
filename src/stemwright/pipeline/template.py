"""The spec that `stemwright init` writes: it runs as it is, and says what can be changed."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from stemwright.errors import RefusedError, StorageError

__all__ = ["template_text", "write_template"]


def template_text() -> str:
    """Read the template, comments and all."""
    return resources.files("stemwright.pipeline").joinpath("spec-template.toml").read_text(encoding="utf-8")


def write_template(path: Path, *, force: bool = False) -> None:
    """Write the template to `path`; a file that is there stays unless `force`."""
    if path.exists() and not force:
        raise RefusedError(f"{path} exists.", way_out="Choose another name, or replace it with --force.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(template_text(), encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{path} can't be written: {error.strerror}.") from error
