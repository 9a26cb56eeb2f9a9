"""Every run asks the same questions: property tests draw their examples from a fixed seed."""

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, print_blob=True, deadline=None)
settings.load_profile("repeatable")
