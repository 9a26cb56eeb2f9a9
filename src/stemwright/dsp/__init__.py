"""Pure functions on arrays and streams: loudness, true peak, limiter, filters, resampling, fades, dither."""
