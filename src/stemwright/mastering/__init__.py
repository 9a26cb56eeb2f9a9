"""Loudness target, true-peak ceiling, fades, match of another record."""
