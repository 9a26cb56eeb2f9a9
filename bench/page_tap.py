"""Hear what leaves the page's mixing desk, block by block, and judge it against the stems it was made of.

The tap wraps the desk's own processor before it is registered: what is noted is what the worklet puts out,
the clock when it does, and where its playhead stood. Nothing is changed on the way.
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["BLOCK", "GAINS_AT", "STEP", "Ear", "Floats", "Heard", "Judge", "script", "tracks_of"]

BLOCK = 128
EXACT = 1e-6
"""Sums of up to ten stems in 32 bits, of which each rounds once."""
CHANGED = 2e-5
PLANTED_EVERY = 16
GAINS_AT = 6
"""Column of `Heard.rows` from which on the gains stand."""
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

_INSIDE = """
const native = registerProcessor;
globalThis.registerProcessor = (name, Kind) => native.call(globalThis, name, class extends Kind {
  process(inputs, outputs, parameters) {
    const { frame, fade, gains, waiting } = this.mixer, before = [...gains];
    const alive = super.process(inputs, outputs, parameters);
    const steady = before.every((gain, i) => gain === this.mixer.gains[i]);
    const row = [Date.now(), frame, this.mixer.frame, fade === 1 && this.mixer.fade === 1, steady,
                 this.mixer.waiting && this.mixer.playing, ...before].map(Number);
    this.at = (this.at ?? 0) % 64;
    if (this.at === 0) {
      this.rows = new Float64Array(64 * row.length);
      this.sound = new Float32Array(64 * 256);
    }
    this.rows.set(row, this.at * row.length);
    this.sound.set(outputs[0][0], this.at * 256);
    this.sound.set(outputs[0][1], this.at * 256 + 128);
    this.at += 1;
    if (this.at === 64) this.port.postMessage({ tap: [this.rows, this.sound, row.length] });
    return alive;
  }
});
"""

_OUTSIDE = """
const tap = window.tap = { batches: [], keys: [], flying: 0, context: null };
const inside = URL.createObjectURL(new Blob([INSIDE], { type: 'text/javascript' }));
const add = AudioWorklet.prototype.addModule;
AudioWorklet.prototype.addModule = async function (url, options) {
  await add.call(this, inside);
  return add.call(this, url, options);
};
const Node = window.AudioWorkletNode;
window.AudioWorkletNode = class extends Node {
  constructor(context, name, options) {
    super(context, name, options);
    tap.context = context;
    this.port.addEventListener('message', (message) => {
      if (!message.data.tap) return;
      message.stopImmediatePropagation();
      tap.batches.push(message.data.tap);
    });
  }
};
window.addEventListener('keydown', (event) => {
  tap.keys.push([event.key, Date.now() - (performance.now() - event.timeStamp)]);
}, true);
const counted = (owner, name) => {
  const native = owner[name];
  owner[name] = async function (...given) {
    tap.flying += 1;
    try { return await native.apply(this, given); } finally { setTimeout(() => (tap.flying -= 1)); }
  };
};
counted(window, 'fetch');
counted(Response.prototype, 'arrayBuffer');
"""

_FASTER = """
window.AudioContext = class extends OfflineAudioContext {
  constructor({ sampleRate }) {
    super(1, Math.ceil(SECONDS * sampleRate), sampleRate);
  }
  async resume() {}
  async close() {}
  set onstatechange(_) {}
  async step(seconds) {
    const stopped = this.suspend(this.currentTime + seconds);
    if (this.begun) await super.resume();
    else this.begun = this.startRendering();
    await stopped;
  }
};
"""

STEP = """async (seconds) => {
  for (let idle = 0; idle < 3; idle += 1) {
    await new Promise((next) => setTimeout(next));
    if (tap.flying) idle = -1;
  }
  await tap.context.step(seconds);
}"""
"""Let the desk fetch what it wants, then render some seconds as fast as they can be."""

_DRAIN = """() => {
  const bytes = (parts) => {
    const all = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
    let at = 0;
    for (const part of parts) { all.set(new Uint8Array(part.buffer), at); at += part.byteLength; }
    let text = '';
    for (let i = 0; i < all.length; i += 32768) text += String.fromCharCode(...all.subarray(i, i + 32768));
    return btoa(text);
  };
  const { batches, keys } = tap;
  [tap.batches, tap.keys] = [[], []];
  const [rows, sound] = [0, 1].map((part) => bytes(batches.map((one) => one[part])));
  return [rows, sound, batches[0]?.[2] ?? 0, keys];
}"""


def script(*, faster_s: float = 0.0) -> str:
    """What a page runs before its own code; with `faster_s` its sound is rendered, not played."""
    faster = _FASTER.replace("SECONDS", f"{faster_s:g}") if faster_s else ""
    return f"(() => {{ const INSIDE = `{_INSIDE}`; {_OUTSIDE} {faster} }})();"


@dataclass(frozen=True)
class Heard:
    """Blocks as they left the worklet.

    `rows` hold per block the clock in ms, the playhead before and after, whether nothing was faded, whether
    no gain moved, whether the desk waited for audio, and the gain of every track before; `sound` is
    (blocks, 2, BLOCK).
    """

    rows: Doubles
    sound: Floats
    keys: tuple[tuple[str, float], ...] = ()

    @classmethod
    def drained(cls, found: tuple[str, str, int, list[tuple[str, float]]]) -> Heard:
        """Read what a page handed out."""
        rows, sound = (base64.b64decode(text) for text in found[:2])
        width = max(found[2], 1)
        return cls(
            np.frombuffer(rows, np.float64).reshape(-1, width),
            np.frombuffer(sound, np.float32).reshape(-1, 2, BLOCK),
            tuple((key, at) for key, at in found[3]),
        )

    def and_then(self, later: Heard) -> Heard:
        """Put what came later behind it."""
        if not len(self.rows) or not len(later.rows):
            longer = self if len(self.rows) else later
            return Heard(longer.rows, longer.sound, (*self.keys, *later.keys))
        rows, sound = ([getattr(one, part) for one in (self, later)] for part in ("rows", "sound"))
        return Heard(np.concatenate(rows), np.concatenate(sound), (*self.keys, *later.keys))

    @property
    def steady(self) -> npt.NDArray[np.bool_]:
        """Blocks in which the playhead went straight on, nothing was faded and no gain moved."""
        return np.asarray(self.straight & (self.rows[:, 4] > 0), np.bool_)

    @property
    def straight(self) -> npt.NDArray[np.bool_]:
        """Blocks in which the playhead went straight on and nothing was faded."""
        return np.asarray((self.rows[:, 2] - self.rows[:, 1] == BLOCK) & (self.rows[:, 3] > 0), np.bool_)

    @property
    def jumps(self) -> int:
        """How often the playhead went elsewhere, as far as that shows within these blocks."""
        moved = np.diff(self.rows[:, 1]) if len(self.rows) else np.zeros(0)
        return int(np.count_nonzero((moved < 0) | (moved > 2 * BLOCK)))


@dataclass
class Judge:
    """Holds what was heard against the stems; `tracks` are (2, frames), in the order of the desk."""

    tracks: Sequence[Floats]
    blocks: int = 0
    waited: int = 0
    checked: int = 0
    jumps: int = 0
    error: float = 0.0
    planted: dict[int, float] = field(default_factory=dict)

    def expected(self, frames: Doubles, gains: Doubles) -> Floats:
        """Sum the tracks at these playheads: (blocks, 2, BLOCK)."""
        return sum(
            (self.part(track, frames) * gains[:, track, None, None] for track in range(len(self.tracks))),
            np.zeros((len(frames), 2, BLOCK)),
        ).astype(np.float32)

    def part(self, track: int, frames: Doubles, *, late: int = 0) -> Doubles:
        """One track at these playheads, as if it came `late` frames too late."""
        samples = self.tracks[track]
        places = frames.astype(np.int64)[:, None] + np.arange(BLOCK) - late
        inside = (places >= 0) & (places < samples.shape[1])
        found = samples[:, np.clip(places, 0, samples.shape[1] - 1)] * inside
        return np.asarray(found.transpose(1, 0, 2), np.float64)

    def hear(self, heard: Heard) -> None:
        """Take more blocks into account."""
        if not len(heard.rows):
            return
        steady, rows = heard.steady, heard.rows
        self.blocks += len(rows)
        self.waited += int((rows[:, 5] > 0).sum())
        self.jumps += int(
            np.count_nonzero(rows[1:, 1] < rows[:-1, 1]) + np.count_nonzero(np.diff(rows[:, 1]) > 2 * BLOCK)
        )
        frames, gains = rows[steady, 1], rows[steady, GAINS_AT:]
        if not len(frames):
            return
        self.checked += len(frames)
        difference = heard.sound[steady] - self.expected(frames, gains)
        self.error = max(self.error, float(np.abs(difference).max()))
        few = slice(0, None, PLANTED_EVERY)
        for track in map(int, np.flatnonzero(gains.any(axis=0))):
            late = self.part(track, frames[few], late=1) - self.part(track, frames[few])
            seen = float(np.abs(difference[few] + late * gains[few, track, None, None]).max())
            self.planted[track] = max(self.planted.get(track, 0.0), seen)

    @property
    def together(self) -> bool:
        """Whether every sample was the sum of all stems at one frame; one frame off would have been seen."""
        return self.error <= EXACT and len(self.unseen) < len(self.planted)

    @property
    def unseen(self) -> list[int]:
        """Tracks too quiet, where they were heard, for a frame too late to be seen."""
        return [track for track, seen in self.planted.items() if seen < 10 * EXACT]

    def answer_ms(self, heard: Heard) -> float:
        """Milliseconds from the last press until other samples than without it leave the worklet."""
        pressed = heard.keys[-1][1]
        after = np.flatnonzero(heard.straight & (heard.rows[:, 0] >= pressed))
        gains = np.repeat(heard.rows[after[:1], GAINS_AT:], len(after), axis=0)
        left = np.abs(heard.sound[after] - self.expected(heard.rows[after, 1], gains)).max(axis=(1, 2))
        other = after[left > CHANGED]
        if len(other):
            return float(heard.rows[other[0], 0] - pressed)
        # where the stem is silent by itself, its gain can't be heard: that says nothing about the desk
        return float("inf") if (heard.rows[-1, GAINS_AT:] == gains[0]).all() else float("nan")

    def steadiest(self, start: int, frames: int, *, among: int) -> int:
        """Which of the first tracks is never silent for long from a frame on."""
        spans = [np.abs(track[:, start : start + frames // 441 * 441]) for track in self.tracks[:among]]
        peaks = [
            span.max(axis=0)[: span.shape[1] // 441 * 441].reshape(-1, 441).max(axis=1) for span in spans
        ]
        return int(np.argmax([np.quantile(peak, 0.02) for peak in peaks]))


@dataclass
class Ear:
    """Listens to a page whose desk is tapped."""

    page: Any
    judge: Judge
    rate: int = 44_100

    def drain(self) -> Heard:
        """Everything since the last time."""
        heard = Heard.drained(self.page.evaluate(_DRAIN))
        self.judge.hear(heard)
        return heard

    def until_played(self, seconds: float) -> Heard:
        """Listen until so much music has come out, that was neither faded nor moved."""
        wanted = self.judge.checked + seconds * self.rate / BLOCK
        heard = self.drain()
        while self.judge.checked < wanted:
            self.page.wait_for_function("() => tap.batches.length > 0")
            heard = heard.and_then(self.drain())
        return heard

    def press(self, key: str, *, listen_s: float = 0.35, patience_s: float = 10.0) -> float:
        """Press a key; returns after how many ms it was heard."""
        self.drain()
        self.page.keyboard.press(key)
        heard, listened_s = self.until_played(listen_s), listen_s
        while math.isinf(taken_ms := self.judge.answer_ms(heard)) and listened_s < patience_s:
            heard, listened_s = heard.and_then(self.until_played(listen_s)), listened_s + listen_s
        return taken_ms


def tracks_of(page: Any, url: str, session: str) -> tuple[list[Floats], int]:
    """Every track of a session's desk in its order, read by ourselves, and how many of them are stems."""
    import soundfile

    ask = page.context.request

    def read(name: str, of: str = session) -> Floats:
        content = ask.get(f"{url}/api/remix/{of}/files/{name}", timeout=0).body()
        return np.asarray(soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)[0].T)

    status = ask.get(f"{url}/api/remix/{session}/status").json()
    stems = [read(name) for name in status["outputs"] if name.startswith("stems/")]
    before = [read("master.wav", status["parent"])] if status.get("parent") else []
    return [*stems, read("master.wav"), *before], len(stems)
