"""Every effect that a spec may name, as one table: parameters, ranges, defaults, units.

The defaults are pedalboard's own. The table stands without importing pedalboard, so that reading a spec is
quick; a test holds it against the library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from stemwright.dsp.filters import DEFAULT_ORDER, MAX_ORDER, MIN_CUTOFF_HZ

__all__ = [
    "CATALOGUE",
    "VST3",
    "Choice",
    "Effect",
    "File",
    "Flag",
    "Number",
    "Parameter",
    "Switches",
    "Value",
]

Value: TypeAlias = float | int | bool | str | tuple[tuple[str, float | int | bool | str], ...]


@dataclass(frozen=True, slots=True)
class Number:
    """A number from `low` to `high`, both included.

    Parameters
    ----------
    name : str
        Its key in the spec, with its unit.
    low, high : float
        Range.
    default : float or None
        None: it must be given.
    native : str
        The library's name where it differs.
    whole : bool
        Whether only whole numbers count.
    below_nyquist : bool
        Whether half of the sample rate bounds it too.
    """

    name: str
    low: float
    high: float
    default: float | None = None
    native: str = ""
    whole: bool = False
    below_nyquist: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some words; `native` gives the library's name of each."""

    name: str
    default: str
    native: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    name: str
    default: bool


@dataclass(frozen=True, slots=True)
class File:
    """The path of a file, or of a plug-in's folder; it must be given."""

    name: str


@dataclass(frozen=True, slots=True)
class Switches:
    """A table of a plug-in's own parameters: what they are only the plug-in knows."""

    name: str


Parameter: TypeAlias = Number | Choice | Flag | File | Switches


@dataclass(frozen=True, slots=True)
class Effect:
    """One effect.

    Parameters
    ----------
    type : str
        Its name in a spec.
    parameters : tuple[Parameter, ...]
        All that it knows.
    native : str
        pedalboard's class; empty where the effect is our own.
    most_channels : int
        More than these are run one by one, for the library would mix or leave them; 0 where any will do.
    rates_hz : tuple[int, ...]
        The only sample rates it can run at; empty where any will do.
    """

    type: str
    parameters: tuple[Parameter, ...] = ()
    native: str = ""
    most_channels: int = 0
    rates_hz: tuple[int, ...] = ()


_TOP_HZ = 384_000.0
_QUALITIES = (
    ("zero_order_hold", "ZeroOrderHold"),
    ("linear", "Linear"),
    ("catmull_rom", "CatmullRom"),
    ("lagrange", "Lagrange"),
    ("sinc", "WindowedSinc"),
    ("sinc_8", "WindowedSinc8"),
    ("sinc_16", "WindowedSinc16"),
    ("sinc_32", "WindowedSinc32"),
    ("sinc_64", "WindowedSinc64"),
    ("sinc_128", "WindowedSinc128"),
    ("sinc_256", "WindowedSinc256"),
)
_MODES = tuple((mode, mode.upper()) for mode in ("lpf12", "hpf12", "bpf12", "lpf24", "hpf24", "bpf24"))
_MIX = Number("mix", 0.0, 1.0, 0.5)


def _cutoff(default: float | None, *, native: str = "", name: str = "cutoff_hz") -> Number:
    return Number(name, MIN_CUTOFF_HZ, _TOP_HZ, default, native, below_nyquist=True)


def _bell(effect: str, native: str) -> Effect:
    """Shelves and bells share their parameters (Audio EQ Cookbook biquads)."""
    parameters = (
        _cutoff(440.0, native="cutoff_frequency_hz"),
        Number("gain_db", -60.0, 40.0, 0.0),
        Number("q", 0.05, 50.0, 0.7071067690849304),
    )
    return Effect(effect, parameters, native)


_ORDER = Number("order", 1, MAX_ORDER, DEFAULT_ORDER, whole=True)

_EFFECTS: Final = (
    Effect("lowpass", (_cutoff(None), _ORDER)),
    Effect("highpass", (_cutoff(None), _ORDER)),
    Effect("bandpass", (_cutoff(None, name="low_hz"), _cutoff(None, name="high_hz"), _ORDER)),
    Effect("lowpass_6db", (_cutoff(50.0, native="cutoff_frequency_hz"),), "LowpassFilter"),
    Effect("highpass_6db", (_cutoff(50.0, native="cutoff_frequency_hz"),), "HighpassFilter"),
    _bell("low_shelf", "LowShelfFilter"),
    _bell("high_shelf", "HighShelfFilter"),
    _bell("peak", "PeakFilter"),
    Effect(
        "ladder",
        (
            Choice("mode", "lpf12", _MODES),
            _cutoff(200.0),
            Number("resonance", 0.0, 1.0, 0.0),
            Number("drive", 1.0, 100.0, 1.0),
        ),
        "LadderFilter",
    ),
    Effect("gain", (Number("gain_db", -120.0, 60.0, 1.0),), "Gain"),
    Effect("invert", (), "Invert"),
    Effect(
        "compressor",
        (
            Number("threshold_db", -100.0, 20.0, 0.0),
            Number("ratio", 1.0, 1000.0, 1.0),
            Number("attack_ms", 0.0, 1000.0, 1.0),
            Number("release_ms", 0.0, 5000.0, 100.0),
        ),
        "Compressor",
    ),
    Effect(
        "noise_gate",
        (
            Number("threshold_db", -120.0, 20.0, -100.0),
            Number("ratio", 1.0, 1000.0, 10.0),
            Number("attack_ms", 0.0, 1000.0, 1.0),
            Number("release_ms", 0.0, 5000.0, 100.0),
        ),
        "NoiseGate",
    ),
    Effect(
        "limiter",
        (
            Number("ceiling_db", -60.0, 0.0, -1.0),
            Number("release_ms", 1.0, 5000.0, 100.0),
            Number("lookahead_ms", 0.1, 100.0, 5.0),
            Flag("true_peak", default=False),
        ),
        "BrickwallLimiter",
    ),
    # pedalboard's own Limiter raises what is below its threshold: the field calls that a maximizer
    Effect(
        "maximizer",
        (Number("threshold_db", -60.0, 0.0, -10.0), Number("release_ms", 1.0, 5000.0, 100.0)),
        "Limiter",
    ),
    Effect("clipping", (Number("threshold_db", -60.0, 20.0, -6.0),), "Clipping"),
    Effect("distortion", (Number("drive_db", -60.0, 100.0, 25.0),), "Distortion"),
    Effect("bitcrush", (Number("bit_depth", 1.0, 32.0, 8.0),), "Bitcrush"),
    Effect(
        "resample",
        (
            Number("rate_hz", 1_000.0, _TOP_HZ, 8_000.0, "target_sample_rate"),
            Choice("quality", "sinc_32", _QUALITIES),
        ),
        "Resample",
    ),
    Effect("gsm", (Choice("quality", "sinc_8", _QUALITIES),), "GSMFullRateCompressor", most_channels=1),
    Effect(
        "mp3",
        (Number("vbr_quality", 0.0, 9.9, 2.0),),
        "MP3Compressor",
        most_channels=2,
        rates_hz=(32_000, 44_100, 48_000),
    ),
    Effect(
        "chorus",
        (
            Number("rate_hz", 0.0, 100.0, 1.0),
            Number("depth", 0.0, 1.0, 0.25),
            Number("centre_delay_ms", 1.0, 100.0, 7.0),
            Number("feedback", -0.95, 0.95, 0.0),
            _MIX,
        ),
        "Chorus",
    ),
    Effect(
        "phaser",
        (
            Number("rate_hz", 0.0, 100.0, 1.0),
            Number("depth", 0.0, 1.0, 0.5),
            _cutoff(1300.0, name="centre_hz", native="centre_frequency_hz"),
            Number("feedback", -0.95, 0.95, 0.0),
            _MIX,
        ),
        "Phaser",
    ),
    Effect(
        "delay",
        (
            Number("delay_s", 0.0, 30.0, 0.5, "delay_seconds"),
            Number("feedback", 0.0, 0.99, 0.0),
            _MIX,
        ),
        "Delay",
    ),
    Effect(
        "reverb",
        (
            Number("room_size", 0.0, 1.0, 0.5),
            Number("damping", 0.0, 1.0, 0.5),
            Number("wet_level", 0.0, 1.0, 0.33),
            Number("dry_level", 0.0, 1.0, 0.4),
            Number("width", 0.0, 1.0, 1.0),
            Number("freeze_mode", 0.0, 1.0, 0.0),
        ),
        "Reverb",
        most_channels=2,
    ),
    Effect("convolution", (File("path"), Number("mix", 0.0, 1.0, 1.0))),
    Effect("vst3", (File("path"), Switches("parameters"))),
)

CATALOGUE: Final[Mapping[str, Effect]] = {effect.type: effect for effect in _EFFECTS}
"""By type, in the order of the documentation."""

VST3: Final = "vst3"
