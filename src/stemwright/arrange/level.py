"""How loud the voice of one song stands over the instruments of another.

A busy middle hides a voice, a sparse one leaves it room: the voice's loudness is set above that of the
instruments by an offset that follows from how much of their power lies where voices do (200–5,000 Hz against
80–200 and 5,000–16,000 Hz, so that sub-bass hides nothing). Loudness is BS.1770-5, whose gate leaves the
rests of the voice out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stemwright.audio import AudioSource, Samples, iter_blocks
from stemwright.dsp.loudness import Loudness, LoudnessMeter, integrated_lufs
from stemwright.errors import InputError

__all__ = ["LevelMatch", "LevelSettings", "match_levels"]

Array = npt.NDArray[np.float64]

VOICE_BAND_HZ = (200.0, 5_000.0)
WHOLE_BAND_HZ = (80.0, 16_000.0)
_FFT_FRAMES = 4_096
_EVERY = 2  # every second window is enough for a mean
_SUNG_GATE_LU = -10.0


@dataclass(frozen=True, slots=True)
class LevelSettings:
    """How levels are matched.

    Parameters
    ----------
    offset_db : tuple of (float, float)
        Offset of the voice over the sparsest and over the densest instruments, all stems at full gain. See
        docs/decisions/voice-level.md: the artists' own mixes lie between −4.6 and +2.7 dB.
    density : tuple of (float, float)
        What counts as sparsest and densest. Eleven real stem sets lie between 0.485 (electronic, heavy bass)
        and 0.740 (guitars and horns), eight with a voice between 0.485 and 0.718: offsets of −2 to +2.4 dB.
    max_gain_db : float
        The voice is turned up or down by this at most.
    floor_lufs : float
        What is quieter is not matched.
    """

    offset_db: tuple[float, float] = (-3.0, 3.0)
    density: tuple[float, float] = (0.45, 0.75)
    max_gain_db: float = 12.0
    floor_lufs: float = -40.0


@dataclass(frozen=True, slots=True)
class LevelMatch:
    """What was measured, and what follows.

    Attributes
    ----------
    gain_db : float
        For the voice; 0 where nothing is matched.
    vocals_lufs, instrumental_lufs : float or None
        Integrated loudness before the gain; None below the gate of the meter.
    density : float or None
        Power in the voice's band over power in the whole band, 0 to 1; None for silence.
    offset_db : float or None
        How far the voice is meant to stand above the instruments; None where nothing is matched.
    notices : tuple of str
        What was done other than asked, in plain words.
    """

    gain_db: float
    vocals_lufs: float | None
    instrumental_lufs: float | None
    density: float | None = None
    offset_db: float | None = None
    notices: tuple[str, ...] = ()

    @property
    def gap_lu(self) -> float | None:
        """How far the voice stands above the instruments after the gain."""
        if self.vocals_lufs is None or self.instrumental_lufs is None:
            return None
        return self.vocals_lufs + self.gain_db - self.instrumental_lufs


def match_levels(
    vocals: AudioSource,
    *,
    instrumental: AudioSource,
    one_timeline: bool = False,
    settings: LevelSettings = LevelSettings(),  # frozen
) -> LevelMatch:
    """Find the gain that sets a voice over instruments.

    Parameters
    ----------
    vocals : AudioSource
        The voice, before any filter; read once.
    instrumental : AudioSource
        What it will stand over; read once. Rates and lengths are free.
    one_timeline : bool
        Whether both are heard together as they stand: then the instruments count only where the voice sings.
    settings : LevelSettings
        Range and limits.

    Raises
    ------
    InputError
        When the range of densities or of offsets is empty.
    """
    if not (settings.density[0] < settings.density[1] and settings.offset_db[0] <= settings.offset_db[1]):
        raise InputError("The ranges for density and offset run from the lower to the higher value.")
    voice, (backing, spectrum) = _measured(vocals)[0], _measured(instrumental)
    vocals_lufs, notices = voice.integrated_lufs, []
    instrumental_lufs = backing.integrated_lufs
    if one_timeline:
        under = _under(voice.hop_powers, backing.hop_powers)
        if under is None or under < settings.floor_lufs:
            notices.append("The instruments are silent where the voice sings: their level elsewhere counts.")
        else:
            instrumental_lufs = under
    density = _density(spectrum, instrumental.sample_rate)
    quiet = _too_quiet(vocals_lufs, instrumental_lufs, settings.floor_lufs)
    if quiet or vocals_lufs is None or instrumental_lufs is None or density is None:
        return LevelMatch(0.0, vocals_lufs, instrumental_lufs, density, None, (*notices, *quiet))
    offset_db = float(np.interp(density, settings.density, settings.offset_db))
    wanted_db = instrumental_lufs + offset_db - vocals_lufs
    gain_db = min(max(wanted_db, -settings.max_gain_db), settings.max_gain_db)
    if gain_db != wanted_db:
        notices.append(
            f"The voice needs {wanted_db:+.1f} dB to stand {offset_db:.1f} dB over the instruments and gets "
            f"{gain_db:+.1f} dB, the most that is allowed."
        )
    return LevelMatch(gain_db, vocals_lufs, instrumental_lufs, density, offset_db, tuple(notices))


def _too_quiet(vocals_lufs: float | None, instrumental_lufs: float | None, floor_lufs: float) -> list[str]:
    """Say which of the two is too quiet to be matched."""
    levels = (("The voice", vocals_lufs), ("The instruments", instrumental_lufs))
    return [
        f"{name} can't be matched in level: {_level(lufs)}, below {floor_lufs:g} LUFS."
        for name, lufs in levels
        if lufs is None or lufs < floor_lufs
    ]


def _level(lufs: float | None) -> str:
    return "silence" if lufs is None else f"{lufs:.1f} LUFS"


def _measured(source: AudioSource) -> tuple[Loudness, Array]:
    """Measure loudness and mean power spectrum in one reading."""
    meter = LoudnessMeter(source.sample_rate, source.channels, true_peak=False)
    spectrum = np.zeros(_FFT_FRAMES // 2 + 1)
    for block in iter_blocks(source):
        meter.feed(block)
        spectrum += _powers(block)
    return meter.result(), spectrum


def _powers(block: Samples) -> Array:
    """Power spectrum, summed over channels and over every second window of the block."""
    step = _FFT_FRAMES * _EVERY
    starts = range(0, max(block.shape[1] - _FFT_FRAMES, 0) + 1, step)
    windows = np.stack([_window(block, start) for start in starts])
    spectra = np.fft.rfft(windows * np.hanning(_FFT_FRAMES).astype(np.float32))
    return np.asarray(np.sum(spectra.real**2 + spectra.imag**2, axis=(0, 1), dtype=np.float64))


def _window(block: Samples, start: int) -> Samples:
    window = block[:, start : start + _FFT_FRAMES]
    return np.pad(window, ((0, 0), (0, _FFT_FRAMES - window.shape[1])))


def _density(spectrum: Array, sample_rate: int) -> float | None:
    """Power in the voice's band over power in the whole band."""
    hertz = np.fft.rfftfreq(_FFT_FRAMES, 1 / sample_rate)
    voice, whole = (
        float(spectrum[(hertz >= low) & (hertz < high)].sum()) for low, high in (VOICE_BAND_HZ, WHOLE_BAND_HZ)
    )
    return voice / whole if whole > 0.0 else None


def _under(voice: Array, backing: Array) -> float | None:
    """Loudness of the backing in the 100 ms in which the voice passes its own gate."""
    count = min(voice.size, backing.size)
    audible = voice[voice > 0.0]
    if not audible.size:
        return None
    sung = voice[:count] > audible.mean() * 10.0 ** (_SUNG_GATE_LU / 10.0)
    return integrated_lufs(backing[:count][sung])
