"""How well the key is found, whether its confidence is one, and what a whole analysis costs.

Run with ``python -m bench.harmony``; needs the corpus. The score is MIREX's: same key 1, fifth 0.5, relative
0.3, parallel 0.2. Songs that the truth gives no mode for are shown and not counted. For the calibration
passages of 6, 12, 25 and 50 s of all these songs and of POP909 songs, played through the SoundFont in another
key, out of tune, with bass and drums, are asked for their key.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.harness import Row, corpus, machine, show
from stemwright.analysis import analyze_song, listen, weighted_score
from stemwright.analysis.chroma import chroma_of
from stemwright.analysis.features import FRAME_S
from stemwright.analysis.key import fit_key, key_of
from stemwright.audio import Audio, AudioSource
from stemwright.io.reader import read_audio
from stemwright.songs import Key, SongStem
from stemwright.synth.midi import read_midi
from stemwright.synth.sampler import DRUM_BANK, Sampler, Strike
from stemwright.synth.soundfont import default_soundfont, load_soundfont

KEY_BAR, ANALYSIS_BAR_S = 0.80, 5.0
SIGNATURES = {"bach": "G major", "chopin": "F# major", "haydn": "Ab major"}
"""The compositions' keys; the truth files hold their signatures."""
PASSAGES_S = (6.0, 12.0, 25.0, 50.0)
SURE = ((0.0, 0.01), (0.01, 0.4), (0.4, 0.55), (0.55, 0.7), (0.7, 0.85), (0.85, 1.01))
PLAYED_HZ, PLAYED_S, PLAYED_FROM_S = 22_050, 80.0, 8.0


def truths() -> Iterator[tuple[str, Path, str]]:
    """Name, file and key as the truth writes it."""
    for path in sorted([*_found("real", "*.truth.json"), *_found("stems", "**/truth.json")]):
        record = json.loads(path.read_text())
        pieces = [key for name, key in SIGNATURES.items() if name in path.name]
        text = pieces[0] if pieces else record.get("key")
        audio = _audio_of(path)
        if text and audio is not None:
            yield (path.parent.name if path.name == "truth.json" else path.name[:-11]), audio, text


def _found(folder: str, pattern: str) -> list[Path]:
    root = corpus(folder)
    return [] if root is None else list(root.glob(pattern))


def _audio_of(truth: Path) -> Path | None:
    stem = truth.name.removesuffix(".truth.json")
    names = ["mix"] if truth.name == "truth.json" else [stem]
    files = [truth.parent / f"{name}{end}" for name in names for end in (".flac", ".ogg", ".mp3")]
    return next((file for file in files if file.exists()), None)


def counted(text: str) -> Key | None:
    """The key, where the truth names its mode."""
    return Key.parse(text) if text.endswith((" major", " minor")) else None


def played() -> Iterator[tuple[str, Audio, Key]]:
    """POP909 songs whose annotations were verified, played in another key and tuning."""
    folder = corpus("midi", "pop909")
    if folder is None:
        return
    verified = json.loads((folder.parent / "pop909_verified_ids.json").read_text())
    rng, sampler = np.random.default_rng(1), Sampler(load_soundfont(default_soundfont()), PLAYED_HZ)
    for song in sorted(folder.iterdir()):
        if song.name in verified:
            up, cents = int(rng.integers(-6, 6)), float(rng.uniform(-35, 35))
            key = Key.parse(_longest_key(song)).transposed(up)
            strikes = sorted([*_notes(song, up, rng), *_bass(song, up), *_drums(song)], key=lambda s: s.start)
            blocks = sampler.blocks(strikes, frames=round(PLAYED_S * PLAYED_HZ))
            mono = np.concatenate([block.mean(axis=0) for block in blocks])
            places = np.arange(int(mono.size / 2 ** (cents / 1200)) - 1) * 2 ** (cents / 1200)
            warped = np.interp(places, np.arange(mono.size), mono).astype(np.float32)
            yield f"POP909 {song.name}", Audio(warped[np.newaxis], PLAYED_HZ), key


def _rows(path: Path) -> Iterator[tuple[float, float, str]]:
    for line in path.read_text().splitlines():
        words = line.split()
        if len(words) >= 3:
            yield float(words[0]), float(words[1]), words[2]


def _longest_key(song: Path) -> str:
    spans: dict[str, float] = {}
    for start, end, name in _rows(song / "key_audio.txt"):
        overlap = min(end, PLAYED_FROM_S + PLAYED_S) - max(start, PLAYED_FROM_S)
        spans[name] = spans.get(name, 0.0) + max(overlap, 0.0)
    return max(spans, key=lambda name: spans[name]).replace(":", " ")


def _strike(start_s: float, end_s: float, pitch: int, velocity: int, program: int, channel: int) -> Strike:
    start = round((start_s - PLAYED_FROM_S) * PLAYED_HZ)
    end = max(round((end_s - PLAYED_FROM_S) * PLAYED_HZ), start + 1)
    return Strike(start, end, pitch, velocity, program, DRUM_BANK if channel == 9 else 0, channel)


def _heard(start_s: float) -> bool:
    return PLAYED_FROM_S <= start_s < PLAYED_FROM_S + PLAYED_S


def _notes(song: Path, up: int, rng: np.random.Generator) -> Iterator[Strike]:
    midi = read_midi(song / f"{song.name}.mid")
    melody, accompaniment = int(rng.choice([73, 65, 52, 80, 56, 0])), int(rng.choice([0, 24, 27, 4, 16, 48]))
    for note in midi.notes:
        start, end = midi.seconds(note)
        if _heard(start):
            program = melody if note.channel == 0 else accompaniment
            yield _strike(start, end, note.pitch + up, note.velocity, program, note.channel)


def _bass(song: Path, up: int) -> Iterator[Strike]:
    names = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
    for start, end, chord in _rows(song / "chord_midi.txt"):
        root = chord.partition(":")[0]
        if _heard(start) and root[0] in names:
            pitch = names[root[0]] + root.count("#") - root[1:].count("b") + up
            yield _strike(start, end, 32 + (pitch + 4) % 12, 100, 33, 5)


def _drums(song: Path) -> Iterator[Strike]:
    for index, (start, _, _) in enumerate(_rows(song / "beat_midi.txt")):
        if _heard(start):
            yield _strike(start, start + 0.2, 38 if index % 2 else 36, 115, 0, 9)
            yield _strike(start, start + 0.2, 42, 80, 0, 9)


def key_rows() -> tuple[list[Row], list[tuple[float, bool]]]:
    """Print the table of songs; returns the scores and all passages as (confidence, right)."""
    scores: dict[str, list[float]] = {"corpus": [], "POP909": []}
    passages: list[tuple[float, bool]] = []
    print(f"\n{'song':<42} {'truth':<22} {'found':<10} {'conf.':>5} {'score':>5}  later")
    for name, source, text in _songs():
        features = listen(source)
        facts, truth = key_of(features), counted(text)
        score = None if truth is None else weighted_score(facts.key, truth)
        shown = "" if score is None else f"{score:.1f}"
        print(f"{name:<42} {text:<22} {facts.key!s:<10} {facts.confidence:>5.2f} {shown:>5}  "
              f"{facts.later_key or ''}")  # fmt: skip
        if truth is not None and score is not None:
            scores["POP909" if name.startswith("POP909") else "corpus"].append(score)
            passages += _passages(chroma_of(features), truth)
    rows = [
        Row(f"key, weighted, {name} ({len(found)} songs)", f"{np.mean(found):.3f}", f"≥ {KEY_BAR}",
            bool(np.mean(found) >= KEY_BAR))
        for name, found in scores.items() if found
    ]  # fmt: skip
    return rows, passages


def _songs() -> Iterator[tuple[str, AudioSource, str]]:
    for name, path, text in truths():
        yield name, read_audio(path), text
    for name, audio, key in played():
        yield name, audio, str(key)


def _passages(chroma: npt.NDArray[np.float32], truth: Key) -> Iterator[tuple[float, bool]]:
    for seconds in PASSAGES_S:
        size = round(seconds / FRAME_S)
        room = len(chroma) - size
        for start in sorted({0, room // 3, 2 * room // 3, room}) if room >= 0 else ():
            found = fit_key(chroma[start : start + size].sum(axis=0))
            yield found.confidence, found.key == truth


def calibration_rows(passages: list[tuple[float, bool]]) -> Iterator[Row]:
    """Share of right answers by confidence."""
    for low, high in SURE:
        inside = [(said, right) for said, right in passages if low <= said < high]
        if inside:
            said, right = np.mean([s for s, _ in inside]), np.mean([r for _, r in inside])
            close = None if high <= 0.4 else bool(abs(said - right) <= 0.15)
            limit = "–" if close is None else f"{said:.2f} ± 0.15"
            name = f"passages sure of {low:.2f} to {min(high, 1):.2f}: {len(inside)}"
            yield Row(name, f"{right:.2f} right", limit, close)


def timing_rows() -> Iterator[Row]:
    """CPU time of whole analyses, warm."""
    song = corpus("real", "dev_coulton_code_monkey.ogg")
    if song is None:
        return
    read = read_audio(song)
    four = Audio(np.tile(read.samples, (1, 2))[:, : 240 * read.sample_rate], read.sample_rate)
    stems = {SongStem.VOCALS: four, SongStem.DRUMS: four, SongStem.BASS: four, SongStem.OTHER: four}
    analyze_song(Audio(four.samples[:, : 20 * four.sample_rate], four.sample_rate), sha256="")
    for what, given in (("alone", {}), ("with four stems", stems)):
        began, cpu = time.perf_counter(), time.process_time()
        analyze_song(four, sha256="", stems=given)
        took, spent = time.perf_counter() - began, time.process_time() - cpu
        yield Row(f"analysis of 240 s, {what}", f"{took:.2f} s, {spent:.2f} s CPU",
                  f"< {ANALYSIS_BAR_S:g} s", took < ANALYSIS_BAR_S)  # fmt: skip
    began = time.process_time()
    features = listen(four)
    key_of(features)
    yield Row("of it listening and key", f"{time.process_time() - began:.2f} s CPU", "–", None)
    peak = (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6
    )
    yield Row("peak memory of this bench", f"{peak:.0f} MB", "–", None)


def rows() -> list[Row]:
    """All figures."""
    found, passages = key_rows()
    return [*found, *calibration_rows(passages), *timing_rows()]


def main() -> int:
    """Print the tables; 1 if a bar is missed."""
    if corpus("real") is None:
        print("no corpus")
        return 0
    print(machine())
    return show("Key, and analysis as a whole", rows())


if __name__ == "__main__":
    sys.exit(main())
