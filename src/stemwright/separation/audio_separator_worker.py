"""The process in which audio-separator works: one line of JSON in, one out; run by `separation.worker`.

Settings that matter, all measured: with its defaults the package rescales stems above a peak of 0.9, writes
16 bits and shifts songs at random.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import urlparse

__all__ = ["main"]

_TIMEOUT_S = 10


def main() -> None:
    """Answer until there are no more questions."""
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    answers = _keep_stdout()
    settings = json.loads(sys.stdin.readline())
    try:
        import_module("torch").set_num_threads(settings["threads"])
        separator = _ready(settings, answers)
        _say(answers, {"ready": True})
        for line in sys.stdin:
            _say(answers, {"files": _separate(separator, json.loads(line)["piece"])})
    except MemoryError:
        _say(answers, {"no_memory": True})
    except Exception as error:  # noqa: BLE001 - whatever it is, it is put in words by who asked
        _say(answers, {"error": f"{type(error).__name__}: {error}", "no_memory": _is_memory(error)})


def _end_with_parent(parent: int) -> None:
    """Stop in the middle of the work when whoever asked has gone."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)


def _keep_stdout() -> TextIO:
    """Take standard output for the answers; whatever the package prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _say(answers: TextIO, message: dict[str, Any]) -> None:
    answers.write(json.dumps(message) + "\n")
    answers.flush()


def _is_memory(error: Exception) -> bool:
    return any(words in str(error).lower() for words in ("out of memory", "allocate memory"))


def _ready(settings: dict[str, Any], answers: TextIO) -> Any:
    separator = import_module("audio_separator.separator").Separator(
        log_level=logging.ERROR,
        model_file_dir=settings["models"],
        output_dir=settings["out"],
        output_format="WAV",
        normalization_threshold=1.0,
        amplification_threshold=0.0,
        use_soundfile=True,
        demucs_params={"segment_size": "Default", "shifts": 0, "overlap": 0.25, "segments_enabled": True},
    )
    notice = _download_notice(separator, settings["model"])
    if notice:
        _say(answers, {"notice": notice})
    separator.load_model(settings["model"])
    return separator


def _download_notice(separator: Any, model: str) -> str:
    """Say what is going to be downloaded, how large it is and from where; empty when all is here."""
    missing = [url for url in _files(separator, model) if not _is_here(separator, url)]
    if not missing:
        return ""
    sizes = [_size(url) for url in missing if url.startswith("http")]
    known = [size for size in sizes if size]
    hosts = sorted({str(urlparse(url).hostname) for url in missing if url.startswith("http")})
    size = f"{sum(known) / 1e6:.0f} MB" if known and len(known) == len(missing) else "size not stated"
    source = f" from {', '.join(hosts)}" if hosts else " from the model lists of audio-separator"
    return f"The model {model} is downloaded once: {size} in {len(missing)} file(s){source}."


def _files(separator: Any, model: str) -> list[str]:
    """List the files of a model, by address or by name."""
    for group in separator.list_supported_model_files().values():
        for entry in group.values():
            if entry["filename"] == model:
                return list(entry["download_files"])
    return []


def _is_here(separator: Any, url: str) -> bool:
    return (Path(separator.model_file_dir) / url.rsplit("/", 1)[-1]).is_file()


def _size(url: str) -> int:
    requests = import_module("requests")
    try:
        reply = requests.head(url, allow_redirects=True, timeout=_TIMEOUT_S)
    except requests.RequestException:
        return 0  # the download itself will say what is wrong
    return int(reply.headers.get("content-length", 0)) if reply.ok else 0


def _separate(separator: Any, piece: str) -> dict[str, str]:
    """Separate one file; returns the names of what it wrote, by source."""
    sources = ("Vocals", "Drums", "Bass", "Other", "Guitar", "Piano", "Instrumental")
    names = {source: f"stem-{source.lower()}" for source in sources}
    written = [Path(path).name for path in separator.separate(piece, names)]
    return {source: f"{name}.wav" for source, name in names.items() if f"{name}.wav" in written}


if __name__ == "__main__":
    main()
