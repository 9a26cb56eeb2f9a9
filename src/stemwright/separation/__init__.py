"""Take a song apart into stems that sum to it again."""
