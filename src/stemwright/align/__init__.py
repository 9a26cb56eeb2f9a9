"""One exact length for all stems: pad, loop, crossfade, truncate; where to cut and how to join."""
