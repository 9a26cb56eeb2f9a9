"""Do two songs stand together? Downbeats of every pair of the stem sets, from their truth, in the remix.

Nothing is rendered: where a beat lands follows from the time map alone, and that the render keeps to the map
is what ``bench.stretch`` and the check "attacks" of every run show. Beats that were found wrongly count in.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.harness import Row, corpus, show
from stemwright.analysis import analyze_song
from stemwright.audio import SourceSum
from stemwright.io.decode import decode_to
from stemwright.io.reader import open_audio
from stemwright.match import MatchRequest, anchors, decide_match
from stemwright.match.pairing import Pairing
from stemwright.planning.plan import SongId
from stemwright.songs import SongFacts, SongStem

RATE = 44_100
MEDIAN_MS, P95_MS = 10.0, 25.0
ROLES = {
    "vocals": SongStem.VOCALS, "melody": SongStem.VOCALS, "drums": SongStem.DRUMS, "bass": SongStem.BASS,
}  # fmt: skip

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Known:
    """A song of the corpus: what was found, and where its downbeats are."""

    name: str
    facts: SongFacts
    downbeats_s: Array
    meter: int


def known_songs(scratch: Path) -> Iterator[Known]:
    """Analyse every stem set whose bars are known, with its stems."""
    root = corpus("stems")
    if root is None:
        return
    for truth in sorted(root.rglob("truth.json")):
        record = json.loads(truth.read_text())
        downbeats = record.get("downbeats") or []
        files = {name: truth.parent / file for name, file in record.get("files", {}).items()}
        parts = {name: path for name, path in files.items() if name not in ("mix", "song")}
        if len(downbeats) < 4 or not parts:
            continue
        yield Known(
            truth.parent.name,
            _facts(truth.parent.name, parts, scratch),
            np.asarray(downbeats, np.float64),
            int(str(record.get("time_signature", "4/4"))[0]),
        )


def _facts(name: str, parts: dict[str, Path], scratch: Path) -> SongFacts:
    with ExitStack() as files:
        opened = {}
        for part, path in parts.items():
            decoded = scratch / f"{name}-{part}.wav"
            decode_to(path, decoded, sample_rate=RATE, channels=2)
            opened[part] = files.enter_context(open_audio(decoded))
        whole = SourceSum(tuple(opened.values()))
        stems = {ROLES[part]: file for part, file in opened.items() if part in ROLES}
        equal = {stem: file for stem, file in stems.items() if file.frames == whole.frames}
        return analyze_song(whole, sha256="0" * 64, stems=equal)


def landed(song: Known, song_id: SongId, pairing: Pairing) -> Array:
    """Where a song's true downbeats are heard, in seconds of the remix, its first tracked bar at 0."""
    match, grid = pairing.match_of(song_id), song.facts.grid
    clock = anchors(
        grid, first_beat=grid.first_beat, last_beat=grid.last_beat, target_bpm=match.target_bpm,
        sample_rate=RATE, beat_factor=match.beat_factor,
    )  # fmt: skip
    inputs, outputs = (np.asarray(side, np.float64) / RATE for side in zip(*clock, strict=True))
    zero = -grid.first_beat * match.beat_factor * 60.0 / match.target_bpm
    inside = (song.downbeats_s >= inputs[0]) & (song.downbeats_s <= inputs[-1])
    return np.asarray(np.interp(song.downbeats_s[inside], inputs, outputs) - zero, np.float64)


def distances_ms(one: Array, other: Array) -> Array:
    """From every downbeat of the sparser song to the nearest of the denser."""
    sparse, dense = sorted((one, other), key=lambda times: 1.0 / np.median(np.diff(times)))
    bar = float(np.median(np.diff(dense)))
    phase = np.arange(-64, int(sparse[-1] / bar) + 64) * bar
    lattice = dense[0] + phase if dense.size < sparse.size else dense
    within = (sparse >= lattice[0]) & (sparse <= lattice[-1])
    nearest = np.abs(sparse[within][:, np.newaxis] - lattice[np.newaxis, :]).min(axis=1)
    return np.asarray(nearest * 1000.0)


def rows() -> list[Row]:
    """Pair every song with every other of its meter."""
    import tempfile

    with tempfile.TemporaryDirectory() as scratch:
        songs = list(known_songs(Path(scratch)))
    if not songs:
        return [Row("downbeats of both songs", "not measured: no corpus", "", None)]
    table, everything = [], []
    for one, other in itertools.permutations(songs, 2):
        if one.meter != other.meter:
            continue
        pairing = decide_match(MatchRequest(), one.facts, other.facts)
        factors = {pairing.match_of(song).beat_factor for song in SongId}
        apart = distances_ms(landed(one, SongId.A, pairing), landed(other, SongId.B, pairing))
        everything.append(apart)
        median, p95 = float(np.median(apart)), float(np.percentile(apart, 95))
        said = f"{median:.1f} ms, {p95:.1f} ms" + ("" if factors == {1.0} else f" (read ×{max(factors):g})")
        table.append(
            Row(
                f"{one.name} over {other.name}",
                said,
                f"{MEDIAN_MS:g}, {P95_MS:g} ms",
                median <= MEDIAN_MS and p95 <= P95_MS,
            )
        )
    all_ms = np.concatenate(everything)
    median, p95 = float(np.median(all_ms)), float(np.percentile(all_ms, 95))
    whole = Row(
        f"all {len(table)} pairs together", f"{median:.1f} ms, {p95:.1f} ms", f"{MEDIAN_MS:g}, {P95_MS:g} ms",
        median <= MEDIAN_MS and p95 <= P95_MS,
    )  # fmt: skip
    return [whole, *table]


if __name__ == "__main__":
    sys.exit(show("Downbeats of two songs in one remix (median, 95th percentile)", rows()))
