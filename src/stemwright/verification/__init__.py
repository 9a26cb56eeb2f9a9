"""Stem-set checks, delivery presets, and the verdict on what is rendered."""

from stemwright.verification.arrival import ArrivalMeter, check_stem
from stemwright.verification.expectations import Expectations
from stemwright.verification.limits import Limits
from stemwright.verification.named import NamedFile
from stemwright.verification.paths import verify_paths
from stemwright.verification.presets import PRESETS, Preset, find_preset
from stemwright.verification.sets import SetReport, examine_set, verify_set

__all__ = [
    "PRESETS",
    "ArrivalMeter",
    "Expectations",
    "Limits",
    "NamedFile",
    "Preset",
    "SetReport",
    "check_stem",
    "examine_set",
    "find_preset",
    "verify_paths",
    "verify_set",
]
