"""Score to MIDI to SoundFont stems; drum patterns."""
