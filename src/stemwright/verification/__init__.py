"""The stem-set check, the stem check on arrival, the master check, delivery presets."""
