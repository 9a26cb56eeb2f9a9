"""Gain, pan, headroom and the sum: stems become the mix."""
