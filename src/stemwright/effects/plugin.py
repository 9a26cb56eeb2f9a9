"""Run a VST3 plug-in that the user has, streamed like every other effect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stemwright.audio import Samples
from stemwright.effects.native import Stage, run_latent
from stemwright.effects.settings import EffectSettings
from stemwright.errors import InputError

__all__ = ["plugin_stage"]


def plugin_stage(settings: EffectSettings, sample_rate: int) -> Stage:
    """Load the plug-in and set its parameters.

    Raises
    ------
    InputError
        When it can't be loaded, is an instrument, or does not know a parameter or value.
    """
    path = Path(settings.get("path"))
    plugin = _load(path)
    for name, value in settings.get("parameters"):
        _set(plugin, path, name, value)

    def process(block: Samples) -> Samples:
        try:
            done: Samples = plugin.process(block, sample_rate, reset=False)
        except (RuntimeError, ValueError) as error:
            raise InputError(f"The plug-in {path.name} can't process this stem: {error}") from error
        return done

    return lambda blocks: run_latent(blocks, process)


def _load(path: Path) -> Any:
    import pedalboard

    try:
        plugin = pedalboard.VST3Plugin(str(path))
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        raise InputError(
            f"The plug-in {path} can't be loaded: {error}",
            way_out="It must be a VST3 effect made for this system.",
        ) from error
    if not plugin.is_effect:
        raise InputError(f"The plug-in {path.name} is an instrument, no effect.")
    return plugin


def _set(plugin: Any, path: Path, name: str, value: object) -> None:
    known = sorted(plugin.parameters)
    if name not in known:
        raise InputError(
            f'The plug-in {path.name} has no parameter "{name}".', way_out=f"Known: {', '.join(known)}."
        )
    try:
        setattr(plugin, name, value)
    except (TypeError, ValueError) as error:
        raise InputError(f"The plug-in {path.name} does not take {name} = {value!r}: {error}") from error
