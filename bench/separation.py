"""The builtin separator against songs whose stems are known; the mix itself is the line to beat.

python -m bench.separation            # the table; exit code 1 if a bar is missed
python -m bench.separation --speed    # time and memory of a four-minute song as well
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.harness import Row, corpus, run_process, show
from stemwright.audio import Audio, Samples, collect, iter_blocks
from stemwright.dsp.resample import resample, to_channels
from stemwright.io.reader import open_audio, read_audio
from stemwright.separation import choose_separator
from stemwright.songs import SongStem
from stemwright.stems import Role, role_of

Array = npt.NDArray[np.float64]
Stems = Mapping[SongStem, Samples]

RATE = 44_100
SECONDS = 10.0
FOUR = (SongStem.VOCALS, SongStem.DRUMS, SongStem.BASS, SongStem.OTHER)

LEVELS = {
    "made, first levels": (-1.0, -8.9, -6.9, -5.2),
    "made, second levels": (-0.3, -8.7, -4.1, -11.7),
}
"""SI-SDR of the mix itself, by stem, of the songs behind the measured baseline; made songs are set to it."""

BASELINE = {"made, first levels": (5.4, 1.3, -0.7, 2.8), "made, second levels": (5.5, 2.6, 1.0, 1.1)}
"""What HPSS, low-pass and centre mask, tuned, reached on those songs (other songs than these)."""


@dataclass(frozen=True)
class Song:
    """A song in its true stems."""

    kind: str
    name: str
    stems: Stems

    @property
    def mix(self) -> Samples:
        """Their sum."""
        total: Samples = np.sum([self.stems[stem] for stem in FOUR], axis=0, dtype=np.float32)
        return total


def si_sdr_db(estimate: Samples, truth: Samples) -> float:
    """Scale-invariant signal-to-distortion ratio (J. Le Roux et al., ICASSP 2019), both channels at once."""
    e, t = (np.asarray(x, np.float64).ravel() for x in (estimate, truth))
    e, t = e - e.mean(), t - t.mean()
    target = float((e * t).sum()) / float((t * t).sum()) * t
    return float(10 * np.log10((target**2).sum() / max(float(((e - target) ** 2).sum()), 1e-20)))


def _time(seconds: float) -> Array:
    return np.arange(round(seconds * RATE)) / RATE


def _voice(rng: np.random.Generator, scale: Sequence[float]) -> Array:
    """Sing vowels with vibrato, glides and breaths: three formants over a falling harmonic series."""
    out = np.zeros(round(SECONDS * RATE))
    vowels = ((730, 1090, 2440), (270, 2290, 3010), (530, 1840, 2480), (570, 840, 2410), (300, 870, 2240))
    start, last = 0.2, scale[0]
    while start < SECONDS - 0.6:
        length = min(float(rng.uniform(0.25, 1.1)), SECONDS - start - 0.1)
        t = _time(length)
        goal = scale[int(rng.integers(0, len(scale)))]
        glide = goal * (last / goal) ** np.exp(-t / 0.04)
        hertz = glide * (1 + 0.012 * np.sin(2 * np.pi * 5.6 * t) * np.clip((t - 0.15) / 0.2, 0, 1))
        phase = 2 * np.pi * np.cumsum(hertz) / RATE
        formants = vowels[int(rng.integers(0, len(vowels)))]
        note = np.zeros(t.size)
        for k in range(1, 26):
            gain = sum(
                a / (1 + ((k * goal - f) / (60 + 0.06 * f)) ** 2)
                for a, f in zip((1, 0.6, 0.35), formants, strict=True)
            )
            note += (gain + 0.02) / k**0.7 * np.sin(k * phase)
        hiss = np.diff(rng.standard_normal(t.size + 1)) * np.exp(-t / 0.03) * 0.1
        edge = np.clip(np.minimum(t / 0.03, (length - t) / 0.08), 0, 1)
        at = round(start * RATE)
        out[at : at + t.size] += edge * (note + hiss)
        start, last = start + length + float(rng.choice([0.0, 0.05, 0.3])), goal
    return out


def _drums(rng: np.random.Generator, beat_s: float) -> Array:
    t = _time(0.3)
    sounds = {
        "kick": np.exp(-t / 0.09) * np.sin(2 * np.pi * (48 * t + 3.5 * (1 - np.exp(-t / 0.02)))),
        "snare": np.exp(-t / 0.07) * (0.35 * rng.standard_normal(t.size) + 0.3 * np.sin(2 * np.pi * 185 * t)),
        "hat": 0.2 * np.exp(-t / 0.025) * np.diff(rng.standard_normal(t.size + 1)),
    }
    out = np.zeros(round(SECONDS * RATE) + t.size)
    for step in range(int(SECONDS / beat_s * 2)):
        names = ["hat"] + (["kick"] if step % 8 in (0, 3, 4) else []) + (["snare"] if step % 4 == 2 else [])
        at = round(step * beat_s / 2 * RATE)
        for name in names:
            out[at : at + t.size] += sounds[name] * rng.uniform(0.8, 1.0)
    return out[: round(SECONDS * RATE)]


def _bass(roots: Sequence[float], beat_s: float) -> Array:
    out = np.zeros(round(SECONDS * RATE))
    t = _time(beat_s)
    envelope = np.minimum(t / 0.005, 1) * np.exp(-t / 0.6) * np.clip((beat_s - t) / 0.03, 0, 1)
    for beat in range(int(SECONDS / beat_s)):
        hertz = roots[beat // 4 % len(roots)] / 2
        note = sum(np.sin(2 * np.pi * hertz * k * t) / k**1.4 for k in range(1, 9))
        at = round(beat * beat_s * RATE)
        out[at : at + t.size] += (envelope * note)[: out.size - at]
    return out


def _chords(rng: np.random.Generator, roots: Sequence[float], beat_s: float) -> Array:
    """Play a wide pad: each side has its own detuned oscillators."""
    sides = []
    for _ in range(2):
        t = _time(SECONDS)
        side = np.zeros(t.size)
        for bar in range(int(np.ceil(SECONDS / (4 * beat_s)))):
            start = 4 * beat_s * bar
            gate = np.clip(np.minimum((t - start) / 0.05, (start + 4 * beat_s - t) / 0.1), 0, 1)
            for ratio in (2.0, 2.0 * 2 ** (4 / 12), 2.0 * 2 ** (7 / 12)):
                for cents in rng.uniform(-9, 9, 2):
                    hertz = roots[bar % len(roots)] * ratio * 2 ** (cents / 1200)
                    phases = rng.uniform(0, 2 * np.pi, 8)
                    waves = (np.sin(2 * np.pi * hertz * k * t + phases[k - 1]) / k for k in range(1, 9))
                    side += gate * np.sum(list(waves), axis=0)
        sides.append(side)
    return np.stack(sides)


def made_song(seed: int, levels_db: Sequence[float]) -> Stems:
    """Make ten seconds of song: centred voice, drums and bass, wide chords, at the given levels."""
    rng = np.random.default_rng(seed)
    beat_s = 60 / float(rng.uniform(85, 130))
    tonic = 110 * 2 ** (float(rng.integers(-4, 5)) / 12)
    roots = [tonic * 2 ** (step / 12) for step in (0, -4, 3, -2)]
    scale = [2 * tonic * 2 ** (step / 12) for step in (0, 2, 3, 5, 7, 10, 12)]
    raw = {
        SongStem.VOCALS: np.tile(_voice(rng, scale), (2, 1)),
        SongStem.DRUMS: np.tile(_drums(rng, beat_s), (2, 1)),
        SongStem.BASS: np.tile(_bass(roots, beat_s), (2, 1)),
        SongStem.OTHER: _chords(rng, roots, beat_s),
    }
    # uncorrelated stems: an SI-SDR of the mix of s dB is a share of p / (1 - p) of its power
    shares = {stem: 1 / (1 + 10 ** (-level / 10)) for stem, level in zip(FOUR, levels_db, strict=True)}
    return {
        stem: (wave * np.sqrt(0.01 * shares[stem] / np.mean(wave**2))).astype(np.float32)
        for stem, wave in raw.items()
    }


def made_songs(seeds: Sequence[int] = (1, 2)) -> Iterator[Song]:
    """Songs made on the spot, at the levels of those behind the baseline."""
    for kind, levels in LEVELS.items():
        for seed in seeds:
            yield Song(kind, f"{kind} {seed}", made_song(seed, levels))


def _read(path: Path, start_s: float, seconds: float) -> Samples:
    with open_audio(path) as file:
        rate = file.sample_rate
        blocks = iter_blocks(file, start=round(start_s * rate), stop=round((start_s + seconds) * rate))
        return collect(to_channels(resample(blocks, from_hz=rate, to_hz=RATE), 2), RATE).samples


def corpus_songs(seconds: float = 20.0, start_s: float = 10.0) -> Iterator[Song]:
    """Real and rendered songs, where there are any."""
    for kind, pattern in (("real", "dev_se_*"), ("rendered", "render/dev_*"), ("multitrack", "dev_mdn_*")):
        root = corpus("stems")
        for folder in sorted(root.glob(pattern)) if root else []:
            stems: dict[SongStem, Samples] = {}
            for path in sorted(folder.iterdir()):
                if path.suffix == ".json" or path.stem.startswith("mix"):
                    continue
                role = role_of(path.stem)
                known = role in (Role.VOCALS, Role.DRUMS, Role.BASS)
                stem = SongStem(str(role)) if known else SongStem.OTHER
                read = _read(path, start_s, seconds)
                stems[stem] = stems[stem] + read if stem in stems else read
            silence = np.zeros_like(next(iter(stems.values())))
            yield Song(kind, folder.name, {stem: stems.get(stem, silence) for stem in FOUR})


def scores(song: Song) -> tuple[list[float], list[float]]:
    """SI-SDR of every stem, separated and left in the mix; NaN where the song has none."""
    with tempfile.TemporaryDirectory() as folder:
        result = choose_separator("builtin").separate(Audio(song.mix, RATE), into=Path(folder))
        estimates = {stem: read_audio(path).samples for stem, path in result.files.items()}
    silent = 1e-3 * float(np.mean(np.square(song.mix)))
    sounding = [float(np.mean(np.square(song.stems[stem]))) > silent for stem in FOUR]
    pairs = list(zip(FOUR, sounding, strict=True))
    separated = [si_sdr_db(estimates[s], song.stems[s]) if sounds else np.nan for s, sounds in pairs]
    mixed = [si_sdr_db(song.mix, song.stems[s]) if sounds else np.nan for s, sounds in pairs]
    return separated, mixed


def table() -> list[Row]:
    """Mean SI-SDR of each kind of song; made songs have the baseline as their bar, real ones the mix."""
    found: dict[str, list[tuple[list[float], list[float]]]] = {}
    for song in (*made_songs(), *corpus_songs()):
        found.setdefault(song.kind, []).append(scores(song))
    rows = []
    for kind, pairs in found.items():
        separated, mixed = (np.nanmean([pair[side] for pair in pairs], axis=0) for side in (0, 1))
        for index, stem in enumerate(FOUR):
            if np.isnan(separated[index]):
                continue
            bar = BASELINE[kind][index] if kind in BASELINE else float(mixed[index])
            said = f"≥ {bar:.1f} dB" + ("" if kind in BASELINE else " (the mix)")
            rows.append(
                Row(
                    f"{kind} ({len(pairs)}): {stem}",
                    f"{separated[index]:.1f} dB; the mix {mixed[index]:.1f} dB",
                    said,
                    bool(separated[index] >= bar),
                )
            )
    return rows


def _speed_row() -> Row:
    """Four minutes of stereo in a process of its own."""
    run = run_process([sys.executable, "-m", "bench.separation", "--one-song"])
    return Row(
        "a four-minute song: CPU, peak memory",
        f"{run.cpu_s:.1f} s, {run.peak_mb:.0f} MB",
        "≤ 20 s",
        run.cpu_s <= 20,
    )


def _one_song() -> None:
    rng = np.random.default_rng(0)
    song = Audio((0.1 * rng.standard_normal((2, 240 * RATE), np.float32)), RATE)
    with tempfile.TemporaryDirectory() as folder:
        choose_separator("builtin").separate(song, into=Path(folder))


def main() -> int:
    """Print the table; 1 if a bar is missed."""
    if "--one-song" in sys.argv:
        _one_song()
        return 0
    started = time.process_time()
    rows = table()
    if "--speed" in sys.argv:
        rows.append(_speed_row())
    status = show("Separation without a model", rows)
    print(f"{time.process_time() - started:.0f} s CPU")
    return status


if __name__ == "__main__":
    sys.exit(main())
