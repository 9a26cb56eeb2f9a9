"""The only room that opens audio files."""
