"""Apply effects to a stem, one after the other, as a stream."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stemwright.audio import Blocks, Samples, validate_sample_rate
from stemwright.dsp.filters import ZeroPhase, bandpass, highpass, lowpass, zero_phase
from stemwright.effects.catalogue import VST3, Number
from stemwright.effects.convolve import convolution_stage
from stemwright.effects.native import Stage, native_stage
from stemwright.effects.plugin import plugin_stage
from stemwright.effects.settings import EffectSettings
from stemwright.errors import InputError, InternalError

__all__ = ["apply_effects"]


def apply_effects(
    blocks: Blocks, effects: Sequence[EffectSettings], *, sample_rate: int, channels: int, frames: int
) -> Iterator[Samples]:
    """Apply effects in order.

    Parameters
    ----------
    blocks : Blocks
        The stem; how it is cut into blocks does not change a bit of the result.
    effects : Sequence[EffectSettings]
        From `parse_effects`; none of them hands the blocks on as they are.
    sample_rate, channels, frames : int
        Of the stem.

    Returns
    -------
    iterator of Samples
        Exactly `frames` frames. Latency is taken out: what was at time t is at time t. What still sounds
        behind the end (reverb, echoes) is cut there, for the length of a stem is fixed.

    Raises
    ------
    InputError
        At once, before any audio is read: a parameter that this sample rate can't hold, a plug-in or an
        impulse response that can't be used.
    """
    validate_sample_rate(sample_rate)
    for effect in effects:
        _require_fit(effect, sample_rate)
    for stage in [_stage(effect, sample_rate, channels) for effect in effects]:
        blocks = stage(blocks)
    return _exactly(blocks, frames)


def _stage(settings: EffectSettings, sample_rate: int, channels: int) -> Stage:
    if settings.effect.native:
        return native_stage(settings, sample_rate, channels)
    if settings.type == VST3:
        return plugin_stage(settings, sample_rate)
    if settings.type == "convolution":
        return convolution_stage(settings, sample_rate, channels)
    filtering = _filter_of(settings)
    filtering.require_fit(sample_rate)
    return lambda blocks: zero_phase(blocks, filtering, sample_rate=sample_rate)


def _filter_of(settings: EffectSettings) -> ZeroPhase:
    order = settings.get("order")
    match settings.type:
        case "lowpass":
            return lowpass(settings.get("cutoff_hz"), order=order)
        case "highpass":
            return highpass(settings.get("cutoff_hz"), order=order)
        case "bandpass":
            return bandpass(settings.get("low_hz"), settings.get("high_hz"), order=order)
    raise InternalError(f"The effect {settings.type} has nothing that runs it.")


def _require_fit(settings: EffectSettings, sample_rate: int) -> None:
    rates = settings.effect.rates_hz
    if rates and sample_rate not in rates:
        listed = ", ".join(str(rate) for rate in rates)
        raise InputError(
            f"The effect {settings.type} can't run at {sample_rate} Hz.",
            way_out=f"It runs at {listed} Hz: set sample_rate to one of them, or leave the effect out.",
        )
    for parameter in settings.effect.parameters:
        if isinstance(parameter, Number) and parameter.below_nyquist:
            value = settings.get(parameter.name)
            if value >= sample_rate / 2:
                raise InputError(
                    f"{settings.type}: {parameter.name} = {value:g} is not below {sample_rate / 2:g} Hz, the "
                    f"highest frequency that {sample_rate} Hz can hold.",
                    way_out="Lower it, or leave the effect out.",
                )


def _exactly(blocks: Blocks, frames: int) -> Iterator[Samples]:
    """Hand blocks on and hold the length law: frames out = frames in."""
    count = 0
    for block in blocks:
        count += block.shape[1]
        yield block
    if count != frames:
        raise InternalError(f"The effects were promised {frames} frames and gave {count}.")
