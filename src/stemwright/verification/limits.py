"""The smallest size at which each fault is always found; the one place of these numbers."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What counts as a fault.

    Attributes
    ----------
    silent_dbfs : float
        A stem whose highest sample is below this is silent.
    noise_peak_dbfs, noise_spread_db, noise_crest_db : float
        A stem is nothing but noise (dither) when it stays below this peak, its level moves by less than
        this between its quietest and loudest windows, and its crest is above this (no steady tone).
    dc : float
        Largest mean of a channel, full scale = 1.
    mono_correlation : float
        Left and right of a stem correlate more than this.
    click_step, click_ratio : float
        A click is a first difference of at least this, and so many times the 99.9th percentile around it.
    end_step, end_share : float
        A file that ends with samples of at least this size, and at least this share of the peak of its
        last 20 ms, was cut.
    start_step : float
        A file whose first sounding sample has at least this size starts in the middle of something.
    level_dbfs : float
        Above this in the first and in the last millisecond, a whole set is an excerpt or a loop.
    edge_drop_db, edge_level_db, edge_lowest_hz, edge_highest : float
        A spectrum that falls by so much within some 600 Hz, from at least this level per bin, and stays
        down, was cut by a codec or by resampling; edges are looked for from this frequency up to this share
        of half the sample rate.
    bits_missing : int
        So many empty low bits are a fault.
    duplicate_db : float
        Two stems that differ by less than this (after their best gain) are one.
    null_dbfs : float
        Largest residual, RMS, of the mix minus the stems.
    level_db : float
        Largest difference between a stem's level alone and in the mix.
    level_floor_dbfs : float
        Stems quieter than this (RMS) have no measurable level in the mix.
    true_peak_dbtp : float
        Largest true peak of any file.
    """

    silent_dbfs: float = -100.0
    noise_peak_dbfs: float = -50.0
    noise_spread_db: float = 3.0
    noise_crest_db: float = 4.5
    dc: float = 0.001
    mono_correlation: float = -0.5
    click_step: float = 0.01
    click_ratio: float = 8.0
    end_step: float = 0.01
    end_share: float = 1 / 30
    start_step: float = 0.03
    level_dbfs: float = -50.0
    edge_drop_db: float = 40.0
    edge_level_db: float = -100.0
    edge_lowest_hz: float = 10_500.0
    edge_highest: float = 0.925
    bits_missing: int = 8
    duplicate_db: float = -40.0
    null_dbfs: float = -60.0
    level_db: float = 0.1
    level_floor_dbfs: float = -70.0
    true_peak_dbtp: float = 0.0
