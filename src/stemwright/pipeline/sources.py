"""Step 3 of the text: get each stem from its source, at the session rate, and check it at once."""

from __future__ import annotations

from pathlib import Path

from stemwright.checks import Notice
from stemwright.io.decode import decode_to, readable_as_is
from stemwright.pipeline.arrivals import AUDIO, checked_arrival, digest_of, stem_inputs
from stemwright.pipeline.events import Ticker
from stemwright.pipeline.session import Session, StemAudio
from stemwright.pipeline.spec import CommandSource, FileSource, StemSpec
from stemwright.pipeline.step import Outcome

__all__ = ["make_source"]


def make_source(session: Session, stem: StemSpec) -> StemAudio:
    """Get one stem from its source; raises `CheckFailedError` when it is no good."""
    if isinstance(stem.source, FileSource):
        return _take(session, stem, stem.source)
    if isinstance(stem.source, CommandSource):
        from stemwright.pipeline.generators import generate

        return generate(session, stem, stem.source)
    from stemwright.pipeline.played import play  # a sampler, which whoever only brings files in never needs

    return play(session, stem, stem.source)


def _take(session: Session, stem: StemSpec, source: FileSource) -> StemAudio:
    """Bring in a file; one that is ready to use is read where it is."""
    digest = digest_of(source.path)
    rate = session.spec.sample_rate
    as_is = readable_as_is(source.path, sample_rate=rate)

    def work(folder: Path, ticker: Ticker) -> Outcome:
        notices: tuple[Notice, ...] = ()
        if not as_is:
            notices = decode_to(source.path, folder / AUDIO, sample_rate=rate, watch=ticker.watch).notices
        path = source.path if as_is else folder / AUDIO
        return checked_arrival(path, session, stem, notices=notices)

    inputs = {"kind": "file", "sha256": digest, "as_is": as_is, **stem_inputs(session, stem)}
    result = session.runner.run(f"source {stem.name}", inputs=inputs, work=work)
    return StemAudio(stem, source.path if as_is else result.file(AUDIO), result.key)
