"""Small pictures without a library: PNG with a palette (ISO/IEC 15948), and the colours of spectrograms."""

from __future__ import annotations

import struct
import zlib
from functools import cache

import numpy as np
import numpy.typing as npt

__all__ = ["LEVELS", "encode_png", "spectrum_palette"]

LEVELS = 48
"""Colours of a spectrogram: more can't be told apart, and fewer make smaller files."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"

# Oklab to linear sRGB (B. Ottosson, "A perceptual color space for image processing", 2020)
_OKLAB_TO_LMS = np.array(
    [
        [1.0, 0.3963377774, 0.2158037573],
        [1.0, -0.1055613458, -0.0638541728],
        [1.0, -0.0894841775, -1.2914855480],
    ]
)
_LMS_TO_RGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


def encode_png(pixels: npt.NDArray[np.uint8], palette: npt.NDArray[np.uint8]) -> bytes:
    """Encode a picture of palette indices.

    Parameters
    ----------
    pixels : uint8 [shape=(height, width)]
        Indices into `palette`, row 0 on top.
    palette : uint8 [shape=(n, 3)]
        sRGB colours, 1 to 256 of them.

    Returns
    -------
    bytes
        A PNG of colour type 3, 8 bits, no interlace.
    """
    height, width = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    rows = np.zeros((height, width + 1), np.uint8)  # filter type 0 in front of every row
    rows[:, 1:] = pixels
    body = zlib.compress(rows.tobytes(), 9)
    chunks = ((b"IHDR", header), (b"PLTE", palette.tobytes()), (b"IDAT", body), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@cache
def spectrum_palette(levels: int = LEVELS) -> npt.NDArray[np.uint8]:
    """Colours from quiet to loud, sRGB, shape ``(levels, 3)``.

    Lightness rises in equal steps of Oklab, so that equal steps in dB look equal; hue stays blue and turns to
    straw at the loudest.
    """
    at = np.linspace(0.0, 1.0, levels)
    lightness = 0.16 + 0.79 * at
    chroma = 0.025 + 0.09 * np.sin(np.pi * np.clip(at * 0.85 + 0.08, 0.0, 1.0))
    hue = np.deg2rad(258.0 - 30.0 * at - 128.0 * at**5)
    lab = np.stack([lightness, chroma * np.cos(hue), chroma * np.sin(hue)], axis=1)
    linear = np.clip((lab @ _OKLAB_TO_LMS.T) ** 3 @ _LMS_TO_RGB.T, 0.0, 1.0)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(np.round(255.0 * encoded), np.uint8)
