"""Render a plan: place, level, duck, sum, and measure what came out."""
