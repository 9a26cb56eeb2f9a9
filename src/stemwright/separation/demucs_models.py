"""Where the models of demucs are: in a folder, on this machine already, or yet to be downloaded."""

from __future__ import annotations

import hashlib
from importlib import import_module
from pathlib import Path

from stemwright.errors import InputError
from stemwright.separation.protocol import Told

__all__ = ["announce_download", "fingerprint"]


def fingerprint(model: str, models: Path) -> str:
    """Name the content of a local model: a digest of the bag's file and of the networks it lists.

    Raises
    ------
    InputError
        When there is no such model in the folder.
    """
    bag = models / f"{model}.yaml"
    listed = bag.read_text() if bag.is_file() else model
    files = [path for path in sorted(models.glob("*.th")) if path.stem.split("-")[0] in listed]
    if not files:
        raise InputError(
            f'{models} holds no model "{model}".',
            way_out="A model is <name>.yaml and its <signature>-<hash>.th files.",
        )
    digest = hashlib.sha256(listed.encode())
    for path in files:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def announce_download(model: str, told: Told) -> None:
    """Say what will be downloaded, how large it is and from where; nothing when it is here already.

    Sizes are those that the Hugging Face hub publishes. Where it does not answer, demucs itself falls back to
    its older address; that is said, without a size that nobody stated.
    """
    names = import_module("demucs.hf")
    repository = f"{names.DEFAULT_NAMESPACE}/{names.hf_repo_name(model)}"
    if _is_here(repository, model):
        return
    try:
        sizes = _published_sizes(repository)
    except _hub_errors() as error:
        told(
            f"The model {model} is not complete on this machine, and the Hugging Face hub does not state "
            f"its size ({type(error).__name__}); demucs now tries there, and then its older address."
        )
        return
    megabytes = sum(sizes.values()) / 1e6
    told(
        f"The model {model} is downloaded once: {megabytes:.0f} MB in {len(sizes)} file(s) from the Hugging "
        f"Face hub, {repository}."
    )


def _is_here(repository: str, model: str) -> bool:
    """Whether every file that the model's bag lists is in the hub's cache."""
    bag = _cached(repository, f"{model}.yaml")
    if bag is None:
        return False
    listed: list[str] = import_module("yaml").safe_load(bag.read_text())["models"]
    return all(_cached(repository, f"{name}.safetensors") for name in listed)


def _cached(repository: str, name: str) -> Path | None:
    """Find where a file of the hub is on this machine, if it is."""
    found = import_module("huggingface_hub").try_to_load_from_cache(repository, name)
    return Path(found) if isinstance(found, str) else None


def _published_sizes(repository: str) -> dict[str, int]:
    hub = import_module("huggingface_hub")
    info = hub.HfApi().model_info(repository, files_metadata=True, timeout=10)
    return {
        file.rfilename: file.size or 0
        for file in info.siblings
        if file.rfilename.endswith(".safetensors") and _cached(repository, file.rfilename) is None
    }


def _hub_errors() -> tuple[type[Exception], ...]:
    """List what the hub's client raises when it can't be asked; its transport's errors are `HTTPError`."""
    errors = import_module("huggingface_hub.errors")
    return (OSError, getattr(errors, "HTTPError", errors.HfHubHTTPError))
