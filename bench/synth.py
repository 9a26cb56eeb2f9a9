"""Compare our sampler with FluidSynth, note by note, and time whole parts.

Run: ``python -m bench.synth``. FluidSynth is an outside judge (Debian: ``apt-get install fluidsynth``);
without it only the timing is printed. Both play the same SoundFont at 48 kHz, dry,
one note at a time.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import mido
import numpy as np
import numpy.typing as npt
import soundfile as sf

from stemwright.grid import Meter, SectionRequest, build_timeline
from stemwright.stems import Role
from stemwright.synth import (
    DrumSettings,
    Key,
    ScoreSettings,
    compose_drums,
    compose_score,
    default_soundfont,
    load_soundfont,
    render_part,
)  # fmt: skip
from stemwright.synth.gm import PROGRAMS
from stemwright.synth.sampler import Strike, render

Array = npt.NDArray[np.float64]
RATE = 48_000
NOTE_S, SLOT_S = 1.0, 3.0
NOTES = [
    (program, key)
    for program, keys in {
        0: (48, 60, 76), 4: (52, 64), 11: (60, 72), 16: (60,), 25: (45, 57), 27: (50, 62), 30: (45,),
        33: (33, 40), 38: (36,), 48: (55, 67), 56: (60, 72), 61: (60,), 65: (60,), 73: (72,), 80: (69,),
        81: (64,), 89: (55, 67),
    }.items()
    for key in keys
]  # fmt: skip


def main() -> None:
    if shutil.which("fluidsynth"):
        compare()
    else:
        print("FluidSynth is not installed: no comparison.")
    time_parts()


def compare() -> None:
    with tempfile.TemporaryDirectory() as folder:
        theirs = fluidsynth(Path(folder))
    ours = our_rendering(theirs.size)
    offset_db = float(np.median([level_db(ours, i) - level_db(theirs, i) for i in range(len(NOTES))]))
    print(f"{'sound':28s} key  pitch  level  shape   (cents, dB after a common {offset_db:+.1f} dB, dB)")
    found = []
    for index, (program, key) in enumerate(NOTES):
        pitch = pitch_difference_cents(ours, theirs, index, key)
        level = level_db(ours, index) - level_db(theirs, index) - offset_db
        shape = shape_difference_db(ours, theirs, index)
        found.append((pitch, level, shape))
        print(f"{PROGRAMS[program]:28s} {key:3d} {pitch:6.2f} {level:6.2f} {shape:6.2f}")
    worst = np.abs(found).max(axis=0)
    median = np.median(np.abs(found), axis=0)
    print(f"median {median[0]:.2f} cents, {median[1]:.2f} dB, {median[2]:.2f} dB;"
          f" worst {worst[0]:.2f} cents, {worst[1]:.2f} dB, {worst[2]:.2f} dB")  # fmt: skip


def fluidsynth(folder: Path) -> Array:
    """Render all notes, one per slot."""
    file = mido.MidiFile(ticks_per_beat=1_000)
    track = mido.MidiTrack()
    file.tracks.append(track)
    track.append(mido.MetaMessage("set_tempo", tempo=1_000_000))
    for program, key in NOTES:
        track.append(mido.Message("program_change", program=program))
        track.append(mido.Message("note_on", note=key, velocity=100))
        track.append(mido.Message("note_off", note=key, time=round(NOTE_S * 1_000)))
        track.append(mido.Message("control_change", control=1, time=round((SLOT_S - NOTE_S) * 1_000)))
    file.save(folder / "n.mid")
    out = folder / "n.wav"
    command = ["fluidsynth", "-ni", "-q", "-R", "0", "-C", "0", "-g", "0.6", "-r", str(RATE), "-O", "float",
               "-F", str(out), str(default_soundfont()), str(folder / "n.mid")]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    samples, _ = sf.read(out)
    return np.asarray(samples.sum(axis=1), np.float64)


def our_rendering(frames: int) -> Array:
    slot, held = round(SLOT_S * RATE), round(NOTE_S * RATE)
    strikes = [Strike(i * slot, i * slot + held, key, 100, program) for i, (program, key) in enumerate(NOTES)]
    blocks = render(strikes, sample_rate=RATE, frames=frames, soundfont=load_soundfont())
    return np.asarray(np.concatenate(list(blocks), axis=1).sum(axis=0), np.float64)


def _slot(wave: Array, index: int, start_s: float, end_s: float) -> Array:
    at = round(index * SLOT_S * RATE)
    return wave[at + round(start_s * RATE) : at + round(end_s * RATE)]


def level_db(wave: Array, index: int) -> float:
    """Level without DC: ours takes the loops' DC away, which in the alto sax is a quarter of the power."""
    return float(10 * np.log10(np.var(_slot(wave, index, 0.02, 0.8)) + 1e-20))


def pitch_difference_cents(ours: Array, theirs: Array, index: int, key: int) -> float:
    """Difference of the strongest partial near a multiple of the key's frequency."""
    size = 2**20
    near_hz = 440.0 * 2 ** ((key - 69) / 12)
    spectra = []
    for wave in (ours, theirs):
        piece = _slot(wave, index, 0.1, 0.95)
        spectra.append(np.abs(np.fft.rfft(piece * np.hanning(len(piece)), size)))
    best = max(range(1, 5), key=lambda h: spectra[1][_band(near_hz * h, size)].max())
    band = _band(near_hz * best, size)
    places = [band.start + int(np.argmax(spectrum[band])) for spectrum in spectra]
    return float(1_200 * np.log2(places[0] / places[1]))


def _band(hz: float, size: int) -> slice:
    return slice(round(hz * 2 ** (-1 / 12) * size / RATE), round(hz * 2 ** (1 / 12) * size / RATE))


def shape_difference_db(ours: Array, theirs: Array, index: int) -> float:
    """Median difference of the 20 ms envelopes, release included, where theirs is within 40 dB."""
    hop = RATE // 50
    curves = []
    for wave in (ours, theirs):
        piece = _slot(wave, index, 0.0, 2.4)
        piece = piece[: len(piece) // hop * hop].reshape(-1, hop)
        curves.append(10 * np.log10(np.mean(piece**2, axis=1) + 1e-20))
    heard = curves[1] > curves[1].max() - 40
    difference = (curves[0] - curves[1])[heard]
    return float(np.median(np.abs(difference - np.median(difference))))


def time_parts() -> None:
    lengths = {"intro": 16, "verse": 64, "chorus": 64, "bridge": 32, "last chorus": 64, "outro": 36}
    requests = [SectionRequest(name, Fraction(beats), Fraction(120)) for name, beats in lengths.items()]
    timeline = build_timeline(requests, meter=Meter(), sample_rate=RATE)
    table = {"chords": {"default": "Am F C G", "chorus": "F G Am Am"}}
    roles = (Role.BASS, Role.GUITARS, Role.KEYS, Role.SYNTHS, Role.PADS, Role.STRINGS, Role.LEAD)
    key = Key.parse("A minor")
    parts = [compose_drums(DrumSettings(), timeline=timeline, seed=0)]
    settings = ScoreSettings.parse(table)
    parts += [compose_score(settings, timeline=timeline, role=role, key=key, seed=0) for role in roles]
    print(f"\n{timeline.frames / RATE:.1f} s of stereo at {RATE} Hz, level and room included")
    for part in parts:
        began = time.perf_counter()
        frames = sum(block.shape[1] for block in render_part(part, timeline=timeline))
        took = time.perf_counter() - began
        said = f"{part.name:10s} {len(part.notes):5d} notes {took:6.2f} s"
        print(f"{said}  {frames / RATE / took:5.0f} × real time")


if __name__ == "__main__":
    main()
