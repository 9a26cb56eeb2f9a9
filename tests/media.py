"""Small files of every format that people have, made on the spot; truth is what went in."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import numpy as np
import soundfile as sf

from stemwright.audio import Audio, Samples
from stemwright.io.writer import write_audio

Maker = Callable[[Path, Audio], None]


def libsndfile(container: str, subtype: str) -> Maker:
    def make(path: Path, audio: Audio) -> None:
        sf.write(path, audio.samples.T, audio.sample_rate, format=container, subtype=subtype)

    return make


def ours(subtype: str = "FLOAT") -> Maker:
    def make(path: Path, audio: Audio) -> None:
        write_audio(
            path, [audio.samples], sample_rate=audio.sample_rate, channels=audio.channels, subtype=subtype
        )

    return make


def pyav(container: str, codec: str, *, streams: int = 1, options: dict[str, str] | None = None) -> Maker:
    """Encode through FFmpeg; with several streams, stream k is scaled by 1 / (k + 1)."""

    def make(path: Path, audio: Audio) -> None:
        import av

        with av.open(str(path), "w", format=container, options=options or {}) as file:
            tracks = []
            for _ in range(streams):
                track = cast("Any", file.add_stream(codec, rate=audio.sample_rate))
                track.layout = "mono" if audio.channels == 1 else "stereo"
                track.bit_rate = 192_000
                tracks.append(track)
            for number, track in enumerate(tracks):
                for frame in _frames(audio, np.float32(1 / (number + 1)), track.codec_context):
                    file.mux(track.encode(frame))
                file.mux(track.encode(None))

    return make


def _frames(audio: Audio, gain: np.float32, context: Any) -> list[Any]:
    import av

    resampler = av.AudioResampler(context.format.name, context.layout.name, audio.sample_rate)
    frames: list[Any] = []
    for start in range(0, audio.frames, 1_024):
        block: Samples = np.ascontiguousarray(audio.read(start, 1_024) * gain)
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=context.layout.name)
        frame.sample_rate, frame.pts, frame.time_base = (
            audio.sample_rate,
            start,
            Fraction(1, audio.sample_rate),
        )
        frames += resampler.resample(frame)
    return frames


MAKERS: dict[str, Maker] = {
    "pcm16.wav": ours("PCM_16"),
    "pcm24.wav": ours("PCM_24"),
    "float.wav": ours("FLOAT"),
    "pcm8.wav": libsndfile("WAV", "PCM_U8"),
    "pcm32.wav": libsndfile("WAV", "PCM_32"),
    "double.wav": libsndfile("WAV", "DOUBLE"),
    "alaw.wav": libsndfile("WAV", "ALAW"),
    "ima.wav": libsndfile("WAV", "IMA_ADPCM"),
    "ms.wav": libsndfile("WAV", "MS_ADPCM"),
    "rf64.wav": libsndfile("RF64", "PCM_24"),
    "w64.w64": libsndfile("W64", "PCM_16"),
    "aiff.aiff": libsndfile("AIFF", "PCM_24"),
    "caf.caf": libsndfile("CAF", "FLOAT"),
    "au.au": libsndfile("AU", "PCM_16"),
    "flac.flac": ours("PCM_24"),
    "vorbis.ogg": ours(),
    "mp3.mp3": ours(),
    "aac.m4a": pyav("ipod", "aac"),
    "alac.m4a": pyav("ipod", "alac"),
    "opus.opus": pyav("ogg", "libopus"),
    "opus.webm": pyav("webm", "libopus"),
    "aac.mkv": pyav("matroska", "aac"),
    "wma.wma": pyav("asf", "wmav2"),
    "adts.aac": pyav("adts", "aac"),
    "ac3.ac3": pyav("ac3", "ac3"),
    "aac.ts": pyav("mpegts", "aac"),
    "stem.mp4": pyav("mp4", "aac", streams=3),
}
