"""Decide how two songs meet: tempo, key, compatibility; numbers only, no audio."""
