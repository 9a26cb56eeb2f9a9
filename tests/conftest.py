"""Every run asks the same questions: property tests draw their examples from a fixed seed."""

import signal

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, print_blob=True, deadline=None)
settings.load_profile("repeatable")


def pytest_configure() -> None:
    """Let interrupts through: a run in the background ignores them, and what it starts would, too."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
