"""Which separator it is to be, by name."""

from __future__ import annotations

from pathlib import Path

from stemwright.errors import InputError
from stemwright.separation.protocol import Separator

__all__ = ["SEPARATORS", "choose_separator"]

SEPARATORS = ("builtin", "demucs", "audio-separator")


def choose_separator(name: str, model: str | None = None, *, models: Path | None = None) -> Separator:
    """Make a separator ready; nothing is downloaded yet.

    Parameters
    ----------
    name : str
        One of `SEPARATORS`.
    model : str, optional
        Which model it is to use; by default the separator's own default.
    models : Path, optional
        A folder of models to use instead of those that would be downloaded.

    Raises
    ------
    InputError
        An unknown name, a model for `builtin`, or a package, program or folder that is not there.
    """
    if name == "builtin":
        return _builtin(model, models)
    if name == "demucs":
        from stemwright.separation.demucs import DEFAULT_MODEL, DemucsSeparator

        return DemucsSeparator(model or DEFAULT_MODEL, models=models)
    if name == "audio-separator":
        from stemwright.separation.audio_separator import DEFAULT_MODEL as DEFAULT_FILE
        from stemwright.separation.audio_separator import AudioSeparator

        return AudioSeparator(model or DEFAULT_FILE, models=models)
    raise InputError(f'"{name}" is not a separator.', way_out=f"Use {', '.join(SEPARATORS)}.")


def _builtin(model: str | None, models: Path | None) -> Separator:
    if model is not None or models is not None:
        raise InputError(
            f'The builtin separator has no models; "{model or models}" was asked for.',
            way_out="Leave the model out, or choose demucs or audio-separator.",
        )
    from stemwright.separation.builtin import BuiltinSeparator

    return BuiltinSeparator()
