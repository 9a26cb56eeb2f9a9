"""The set check on what a remix delivers: its stems together, and against the mix."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from stemwright.io.reader import open_audio
from stemwright.pipeline.events import Ticker
from stemwright.pipeline.mix_files import MIX, stem_file
from stemwright.pipeline.remix.form import CHANNELS, SAMPLE_RATE_HZ
from stemwright.pipeline.step import Outcome, Result, Runner

__all__ = ["verify_stems"]

STEM_NULL_DBFS = -90.0


def verify_stems(runner: Runner, *, mix: Result, names: Sequence[str]) -> Result:
    """Check the stems that are delivered as a set, against the mix."""
    # a fortieth of a second to load, and nothing else in a remix asks for it: not before it is needed
    from stemwright.verification import Expectations, NamedFile, verify_set

    def work(_into: Path, ticker: Ticker) -> Outcome:
        with ExitStack() as files:
            paths = {name: mix.file(stem_file(name)) for name in names} | {"mix": mix.file(MIX)}
            opened = [
                NamedFile(name, files.enter_context(open_audio(path)), file_name=path.name)
                for name, path in paths.items()
            ]
            expected = Expectations(
                sample_rate=SAMPLE_RATE_HZ,
                channels=CHANNELS,
                subtype="FLOAT",
                frames=mix.outcome.details["frames"],
                null_dbfs=STEM_NULL_DBFS,
            )
            checks = verify_set(opened[:-1], mix=opened[-1], expected=expected, watch=ticker.count, threads=1)
        # people remix MP3s, and know it: where their spectrum ends is no fault of the remix
        return Outcome(tuple(check for check in checks if check.name != "bandwidth"))

    return runner.run("verify", inputs={"mix": mix.key}, work=work, weight=2.0)
