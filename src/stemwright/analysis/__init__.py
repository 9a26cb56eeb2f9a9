"""What is in a song: tempo, beats, key, energy, voice, groove, form."""
