"""The version: part of every step key, so that a new version never reads an old result."""

__version__ = "0.2.0"
