"""What PyTorch needs to be told before it works, and how its complaints are put to people."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec

from stemwright.errors import InputError

__all__ = ["model_threads", "no_memory", "plain_memory_errors", "require_package"]

_NO_MEMORY = ("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory")


def require_package(name: str) -> str:
    """Return the version of a separator's package, which has the name of the extra that brings it.

    Raises
    ------
    InputError
        When it is not installed.
    """
    if find_spec(name.replace("-", "_")) is None:
        raise InputError(
            f"The separator {name} is not installed.",
            way_out=f"pip install 'stemwright[{name}]', or use --separator builtin.",
        )
    return version(name)


def model_threads() -> int:
    """Count the threads for a model: one core is left free, as a busy one makes all of them wait."""
    available = getattr(os, "sched_getaffinity", None)
    cores = len(available(0)) if available else os.cpu_count() or 1
    return max(1, cores - 1)


def no_memory(model: str) -> InputError:
    """Say that a model needs more memory than there is."""
    return InputError(
        f"There is not enough memory to separate the song with {model}; nothing was kept.",
        way_out="Close other programs, choose a smaller model (htdemucs), or use --separator builtin.",
    )


@contextmanager
def plain_memory_errors(model: str) -> Iterator[None]:
    """Put an out-of-memory error of the machine or the GPU in plain words."""
    try:
        yield
    except MemoryError as error:
        raise no_memory(model) from error
    except RuntimeError as error:
        if any(words in str(error).lower() for words in _NO_MEMORY):
            raise no_memory(model) from error
        raise
