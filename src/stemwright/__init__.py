"""Stems in; out comes a record that has been checked."""

from stemwright._version import __version__

__all__ = ["__version__"]
