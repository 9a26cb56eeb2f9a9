"""Manifest, zip and report page of a finished run."""
