"""Effects on one stem, in order, streamed."""
