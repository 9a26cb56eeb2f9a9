import struct
import zlib

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals import clicks, noise, sine
from stemwright.audio import Audio, Samples
from stemwright.delivery.picture import BANDS, COLUMNS, HIGH_HZ, LOW_HZ, TrackPicture, picture_of
from stemwright.delivery.png import LEVELS, encode_png, spectrum_palette


def band_of(frequency_hz: float) -> int:
    """Row of a frequency, counted from the top."""
    return BANDS - 1 - int(np.log(frequency_hz / LOW_HZ) / np.log(HIGH_HZ / LOW_HZ) * BANDS)


@settings(max_examples=30, deadline=None)
@given(frames=st.integers(0, 400_000), channels=st.integers(1, 3), columns=st.integers(1, 1_200))
def test_peaks_count_every_frame(frames: int, channels: int, columns: int) -> None:
    audio = Audio(noise(10, channels=channels, seed=2).samples[:, :frames], 48_000)
    picture = picture_of(audio, columns=columns)
    assert len(picture.low) == len(picture.high) == len(picture.rms) <= columns
    step = picture.frames_per_column
    assert (len(picture.low) - 1) * step < frames <= len(picture.low) * step or frames == 0
    for column in range(0, len(picture.low), 97):
        part = audio.samples[:, column * step : (column + 1) * step]
        assert picture.low[column] == part.min()
        assert picture.high[column] == part.max()
        assert picture.rms[column] == pytest.approx(np.sqrt(np.mean(part**2)), rel=1e-4)


def test_a_click_in_one_channel_is_in_its_column_only() -> None:
    samples = np.zeros((2, 480_000), np.float32)
    samples[1, 123_456] = 0.9
    picture = picture_of(Audio(samples, 48_000))
    assert np.flatnonzero(picture.high).tolist() == [123_456 // picture.frames_per_column]
    assert picture.peak_dbfs == pytest.approx(-0.915, abs=0.01)


@pytest.mark.parametrize("frequency_hz", [60.0, 110.0, 440.0, 1_000.0, 5_000.0, 15_000.0])
@pytest.mark.parametrize("sample_rate", [44_100, 96_000])
def test_a_tone_stands_at_its_frequency(frequency_hz: float, sample_rate: int) -> None:
    picture = picture_of(sine(frequency_hz, 3.0, sample_rate=sample_rate))
    middle = picture.levels[:, picture.levels.shape[1] // 2]
    assert abs(int(middle.argmax()) - band_of(frequency_hz)) <= (1 if frequency_hz > 200 else 5)
    assert middle.max() == LEVELS - 1
    assert middle[np.abs(np.arange(BANDS) - middle.argmax()) > 20].max() == 0


def test_time_runs_from_left_to_right() -> None:
    tones = np.concatenate([sine(200, 2.0).samples, sine(8_000, 2.0).samples], axis=1)
    rows = picture_of(Audio(tones, 48_000)).levels.argmax(axis=0)
    half = len(rows) // 2
    assert (np.abs(rows[5 : half - 5] - band_of(200)) <= 3).all()
    assert (np.abs(rows[half + 5 : -5] - band_of(8_000)) <= 1).all()


def test_silence_noise_and_bad_samples_can_be_drawn() -> None:
    silent = picture_of(Audio(np.zeros((1, 48_000), np.float32), 48_000))
    assert silent.levels.max() == 0
    assert silent.peak_dbfs == -200.0
    faint = picture_of(noise(1.0, rms=1e-8))
    assert faint.levels.max() == 0
    bad = noise(1.0).samples.copy()
    bad[0, 5_000:6_000] = np.nan
    bad[0, 9_000] = np.inf
    assert np.isfinite(picture_of(Audio(bad, 48_000)).rms).all()


class Counting:
    """A long source that is made where it is read, and counts what is asked of it at once."""

    sample_rate, channels, frames = 48_000, 2, 48_000 * 1_200
    largest = 0

    def read(self, start: int, frames: int) -> Samples:
        self.largest = max(self.largest, frames)
        stop = min(start + frames, self.frames)
        ramp = np.arange(start, stop) / self.frames
        return np.stack([ramp, -ramp]).astype(np.float32)


def test_long_sources_are_read_in_bounded_pieces() -> None:
    source = Counting()
    picture = picture_of(source)
    assert source.largest < 300_000
    assert len(picture.high) == COLUMNS
    assert (np.diff(picture.high) > 0).all()


def same(a: TrackPicture, b: TrackPicture) -> bool:
    return all(
        np.array_equal(getattr(a, name), getattr(b, name)) for name in ("low", "high", "rms", "levels")
    )


def test_the_same_audio_gives_the_same_picture() -> None:
    assert same(picture_of(clicks([0.5], 2.0)), picture_of(clicks([0.5], 2.0)))


def decoded(png: bytes) -> npt.NDArray[np.uint8]:
    """Read a PNG of our kind back, chunk by chunk."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, {}
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + data)
        chunks[kind] = data
        at += 12 + length
    assert list(chunks) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    width, height, depth, kind_of_colour, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, kind_of_colour, rest) == (8, 3, [0, 0, 0])
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, width + 1)
    assert (rows[:, 0] == 0).all()
    palette = np.frombuffer(chunks[b"PLTE"], np.uint8).reshape(-1, 3)
    return np.asarray(palette[rows[:, 1:]])


def test_png_holds_every_pixel() -> None:
    pixels = (np.arange(7 * 11) % LEVELS).astype(np.uint8).reshape(7, 11)
    palette = spectrum_palette()
    np.testing.assert_array_equal(decoded(encode_png(pixels, palette)), palette[pixels])


def test_colours_get_lighter_in_equal_steps() -> None:
    linear = spectrum_palette().astype(np.float64) / 255
    linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    lightness = np.cbrt(luminance)
    steps = np.diff(lightness)
    assert (steps > 0).all()
    assert steps.max() < 3 * steps.min()
    assert len({tuple(colour) for colour in spectrum_palette().tolist()}) == LEVELS
