"""Run pedalboard's effects over a stream.

They are fed blocks of one fixed size from a fixed start, the last one filled up with silence: so neither the
caller's block size nor the library's internal buffers (8,192 frames) show in the result. An effect with
latency gives fewer frames than it was fed; silence is fed behind the end until all have come out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np

from stemwright.audio import BLOCK_FRAMES, Blocks, Samples, rechunk
from stemwright.effects.catalogue import Choice, Number, Parameter
from stemwright.effects.settings import EffectSettings
from stemwright.errors import InternalError

__all__ = ["Process", "Stage", "native_stage", "run_latent"]

Stage: TypeAlias = Callable[[Blocks], Iterator[Samples]]
"""Turns one stream into another of the same length; used once."""

Process: TypeAlias = Callable[[Samples], Samples]
"""Feeds the next block to something with a memory; may return fewer frames, and then more."""

MAX_LATENCY_FRAMES = 2**21


def native_stage(settings: EffectSettings, sample_rate: int, channels: int) -> Stage:
    """Prepare one of pedalboard's effects, with a state of its own."""
    alone = 0 < settings.effect.most_channels < channels
    plugins = [_build(settings) for _ in range(channels if alone else 1)]

    def process(block: Samples) -> Samples:
        parts = np.split(block, len(plugins)) if alone else [block]
        done = [
            plugin.process(part, sample_rate, reset=False)
            for plugin, part in zip(plugins, parts, strict=True)
        ]
        return done[0] if len(done) == 1 else np.concatenate(done)

    return lambda blocks: run_latent(blocks, process)


def _build(settings: EffectSettings) -> Any:
    import pedalboard

    native = getattr(pedalboard, settings.effect.native)
    arguments = {
        _native_name(parameter): _native_value(parameter, settings.get(parameter.name), native)
        for parameter in settings.effect.parameters
    }
    return native(**arguments)


def _native_name(parameter: Parameter) -> str:
    return (isinstance(parameter, Number) and parameter.native) or parameter.name


def _native_value(parameter: Parameter, value: Any, native: Any) -> Any:
    if not isinstance(parameter, Choice):
        return value
    words = type(getattr(native(), parameter.name))
    return getattr(words, dict(parameter.native)[value])


def run_latent(blocks: Blocks, process: Process) -> Iterator[Samples]:
    """Feed a stream through `process`; as many frames come out as went in.

    Raises
    ------
    InternalError
        When 2^21 frames of silence did not bring out what was fed.
    """
    fed = given = channels = 0
    for block in rechunk(blocks):
        channels, fed = block.shape[0], fed + block.shape[1]
        done = process(_filled(block))
        given += done.shape[1]
        yield done[:, : done.shape[1] - max(given - fed, 0)]
    silence = np.zeros((channels, BLOCK_FRAMES), np.float32)
    for _ in range(MAX_LATENCY_FRAMES // BLOCK_FRAMES):
        if given >= fed:
            return
        done = process(silence)
        given += done.shape[1]
        yield done[:, : done.shape[1] - max(given - fed, 0)]
    if given < fed:
        raise InternalError(f"An effect was fed {fed} frames and gave back {given}.")


def _filled(block: Samples) -> Samples:
    """Copy a block into one of the fixed size, silence behind it."""
    filled = np.zeros((block.shape[0], BLOCK_FRAMES), np.float32)
    filled[:, : block.shape[1]] = block
    return filled
