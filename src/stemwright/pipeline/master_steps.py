"""Step 7 of the text, second half: the master, in every format that was asked for.

A lossy encoder moves peaks: the file is decoded again and measured, and where it goes over the ceiling the
limiter is set lower and everything is rendered once more, so that loudness and ceiling hold in every format.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from stemwright.audio import AudioSource, Blocks, Samples
from stemwright.checks import Check, Notice, Severity
from stemwright.delivery import audio_entry
from stemwright.dsp.loudness import Loudness, LoudnessMeter, measure
from stemwright.dsp.resample import resample
from stemwright.dsp.true_peak import true_peak_dbtp
from stemwright.errors import InternalError
from stemwright.io.encoders import MP3_RATES_HZ
from stemwright.io.files import sha256_of
from stemwright.io.reader import AudioFile, open_audio
from stemwright.io.writer import AudioWriter
from stemwright.mastering import MasterPlan, MasterSettings, Tape, check_master, plan_master, render_master
from stemwright.pipeline.background import InBackground
from stemwright.pipeline.events import Ticker
from stemwright.pipeline.mix_files import MIX, loudness_of
from stemwright.pipeline.step import Outcome, Result

if TYPE_CHECKING:  # a remix masters without the rooms that a production needs
    from stemwright.pipeline.session import Session

__all__ = ["CURVE", "MASTER", "Heard", "MasterFiles", "make_master", "master_details", "master_mix"]

MASTER = "master"
CURVE = "short-term-lufs.npy"
MAX_ROUNDS = 5
HELD_BLOCKS = 8
LOSSY_MARGIN_DB = 0.2
STEP_MARGIN_DB = 0.02
LOSSY_ADVICE = "The encoder left out what lies above its band; deliver the WAV or FLAC where that matters."


def mp3_rate(sample_rate: int) -> int:
    """Rate that an MP3 of audio at `sample_rate` has: the same, or the highest one that it can have."""
    whole = [rate for rate in MP3_RATES_HZ if rate == sample_rate]
    fractions = [rate for rate in MP3_RATES_HZ if sample_rate % rate == 0]
    return max(whole or fractions or MP3_RATES_HZ)


@dataclass(frozen=True, slots=True)
class Heard:
    """One format of a master as it decodes.

    Attributes
    ----------
    loudness : Loudness
        With its true peak.
    file : dict
        What the manifest says of it: frames, rate, channels, format.
    """

    loudness: Loudness
    file: dict[str, Any]


@dataclass(frozen=True, slots=True)
class MasterFiles:
    """The files of one master.

    Parameters
    ----------
    folder : Path
        Where they go.
    stem : str
        Their name without its ending.
    formats : Sequence[str]
        Any of ``"wav"``, ``"flac"``, ``"mp3"``.
    subtype : str
        Of the WAV; FLAC gets 24 bits where that is float.
    tags : Mapping[str, str]
        Title, artist, … for all of them.
    """

    folder: Path
    stem: str
    formats: Sequence[str]
    subtype: str
    tags: Mapping[str, str] = field(default_factory=dict)

    def path(self, suffix: str) -> Path:
        """Path of one format."""
        return self.folder / f"{self.stem}.{suffix}"

    def render(
        self, source: AudioSource, plan: MasterPlan, ticker: Ticker, *, tape: Tape
    ) -> dict[str, Heard]:
        """Render every format in one pass over the master, and measure each as it decodes.

        What is written at once is measured while MP3 is still being encoded.
        """
        direct = [suffix for suffix in self.formats if suffix != "mp3"]
        aside = "mp3" in self.formats and self._rate("mp3", source) == source.sample_rate
        with ExitStack() as files:
            encoders = [files.enter_context(self._in_background(source))] if aside else []
            master = render_master(source, plan, tape=tape)
            blocks = ticker.watch(master, source.frames, start=0.4, share=0.4)
            self._write(direct, source, _handed_on(blocks, encoders))
            measured = {suffix: self._measured(suffix, plan, source) for suffix in direct}
        if "mp3" in self.formats:
            if not aside:
                self._write_resampled("mp3", source, plan, tape)
            measured["mp3"] = self._measured("mp3", plan, source)
        return {suffix: measured[suffix] for suffix in self.formats}

    @contextmanager
    def _in_background(self, source: AudioSource) -> Iterator[InBackground[Samples]]:
        """Encode MP3 beside everything else."""
        with self._writer("mp3", source) as sink, InBackground(sink.write, held=HELD_BLOCKS) as encoder:
            yield encoder

    def _write(self, suffixes: Sequence[str], source: AudioSource, blocks: Blocks) -> None:
        with ExitStack() as files:
            writers = [files.enter_context(self._writer(suffix, source)) for suffix in suffixes]
            for block in blocks:
                for writer in writers:
                    writer.write(block)

    @staticmethod
    def _rate(suffix: str, source: AudioSource) -> int:
        """Rate of one format: that of the session, where the format takes it."""
        return mp3_rate(source.sample_rate) if suffix == "mp3" else source.sample_rate

    def _writer(self, suffix: str, source: AudioSource) -> AudioWriter:
        return AudioWriter(
            self.path(suffix),
            sample_rate=self._rate(suffix, source),
            channels=source.channels,
            subtype=self._subtype(suffix),
            overwrite=True,
            tags=self.tags,
            seed=self.stem,
        )

    def _write_resampled(self, suffix: str, source: AudioSource, plan: MasterPlan, tape: Tape) -> None:
        rate = self._rate(suffix, source)
        with self._writer(suffix, source) as writer:
            master = render_master(source, plan, tape=tape)
            for block in resample(master, from_hz=source.sample_rate, to_hz=rate):
                writer.write(block)

    def _subtype(self, suffix: str) -> str:
        if suffix == "mp3":
            return "FLOAT"
        return "PCM_24" if suffix == "flac" and self.subtype == "FLOAT" else self.subtype

    def _measured(self, suffix: str, plan: MasterPlan, source: AudioSource) -> Heard:
        """Measure a file as it decodes; of a float WAV, which is what was planned, only the true peak."""
        if suffix == "mp3":
            return _heard_decoding(
                self.path(suffix), LoudnessMeter(self._rate(suffix, source), source.channels)
            )
        with open_audio(self.path(suffix)) as file:
            if plan.expected is None or self._subtype(suffix) != "FLOAT" or suffix != "wav":
                return Heard(measure(file), audio_entry(file))
            found = replace(plan.expected, true_peak_dbtp=true_peak_dbtp(file))
            return Heard(found, audio_entry(file))


def _heard_decoding(path: Path, meter: LoudnessMeter) -> Heard:
    """Measure a file beside its decoding."""
    with InBackground(meter.feed, held=HELD_BLOCKS) as metering, open_audio(path, watch=metering.put) as file:
        entry = audio_entry(file)
    return Heard(meter.result(), entry)


def _handed_on(blocks: Blocks, encoders: Sequence[InBackground[Samples]]) -> Iterator[Samples]:
    """Give every block to the encoders too."""
    for block in blocks:
        for encoder in encoders:
            encoder.put(block)
        yield block


def make_master(
    source: AudioSource,
    settings: MasterSettings,
    files: MasterFiles,
    *,
    match: AudioSource | None,
    ticker: Ticker,
    known: Loudness | None = None,
) -> tuple[MasterPlan, dict[str, Heard]]:
    """Master `source` so that every format holds loudness and ceiling; see `plan_master` for `known`.

    Returns
    -------
    MasterPlan, dict
        What was done, and what each format is as it decodes.
    """
    lowered = LOSSY_MARGIN_DB if "mp3" in files.formats else 0.0
    plan: MasterPlan | None = None
    with TemporaryDirectory(prefix=".stemwright-", dir=files.folder) as folder:
        tape = Tape(Path(folder) / "limited.wav")
        for _ in range(MAX_ROUNDS):
            inner = replace(settings, ceiling_dbtp=settings.ceiling_dbtp - lowered)
            plan = plan_master(source, settings=inner, match=match, previous=plan, measured=known, tape=tape)
            measured = files.render(source, plan, ticker, tape=tape)
            excess_db = _highest(measured) - settings.ceiling_dbtp
            if excess_db <= 0.0:
                return plan, measured
            lowered += excess_db + STEP_MARGIN_DB
    raise InternalError(
        f"After {MAX_ROUNDS} rounds the master still reaches {_highest(measured):.2f} dBTP, over the ceiling "
        f"of {settings.ceiling_dbtp:g} dBTP."
    )


def _highest(measured: Mapping[str, Heard]) -> float:
    """Highest true peak of all formats."""
    peaks = [heard.loudness.true_peak_dbtp for heard in measured.values()]
    return max(peak for peak in peaks if peak is not None)


def master_mix(session: Session, mix: Result) -> Result:
    """Master the mix of a production."""
    spec = session.spec

    def work(folder: Path, ticker: Ticker) -> Outcome:
        tags = {"title": spec.title, "software": "stemwright"} | (
            {"artist": spec.artist} if spec.artist else {}
        )
        files = MasterFiles(folder, MASTER, spec.delivery.formats, spec.subtype, tags)
        with ExitStack() as stack:
            source = stack.enter_context(open_audio(mix.file(MIX)))
            match = _match(session, stack)
            plan, measured = make_master(
                source, _settings(session), files, match=match, ticker=ticker, known=loudness_of(mix)
            )
        np.save(folder / CURVE, measured["wav"].loudness.short_term_lufs, allow_pickle=False)
        checks = master_checks(measured, spec.master, plan)
        notices = (*plan.notices, *_rate_notices(spec.sample_rate, spec.delivery.formats))
        return Outcome(tuple(checks), master_details(plan, measured), notices)

    inputs: dict[str, Any] = {
        "mix": mix.key,
        "settings": asdict(_settings(session)),
        "match": [sha256_of(spec.match.path), spec.match.amount] if spec.match else None,
        "formats": spec.delivery.formats,
        "tags": [spec.title, spec.artist],
    }
    return session.runner.run("master", inputs=inputs, work=work, weight=4.0)


def master_checks(measured: Mapping[str, Heard], settings: MasterSettings, plan: MasterPlan) -> list[Check]:
    """Check loudness and ceiling of every format as it decodes.

    A lossy encoder leaves out what lies above its band, so noise and clicks come out quieter: its loudness is
    a warning, its ceiling is not.
    """
    return [
        replace(check, severity=Severity.WARNING, advice=LOSSY_ADVICE)
        if check.name == "loudness" and suffix == "mp3"
        else check
        for suffix, heard in measured.items()
        for check in check_master(heard.loudness, settings=settings, plan=plan, subject=f"{MASTER}.{suffix}")
    ]


def _rate_notices(sample_rate: int, formats: Sequence[str]) -> tuple[Notice, ...]:
    if "mp3" not in formats or mp3_rate(sample_rate) == sample_rate:
        return ()
    text = f"MP3 has no rate of {sample_rate} Hz: master.mp3 was resampled to {mp3_rate(sample_rate)} Hz."
    return (Notice(text, "master"),)


def _settings(session: Session) -> MasterSettings:
    spec = session.spec
    return replace(spec.master, match_amount=spec.match.amount) if spec.match else spec.master


def _match(session: Session, stack: ExitStack) -> AudioFile | None:
    spec = session.spec
    return stack.enter_context(open_audio(spec.match.path)) if spec.match else None


def master_details(plan: MasterPlan, measured: Mapping[str, Heard]) -> dict[str, Any]:
    """Return what stands in the report: what was done, and what every format is and measured."""
    figures = {
        suffix: {
            "integrated_lufs": heard.loudness.integrated_lufs,
            "range_lu": heard.loudness.range_lu,
            "true_peak_dbtp": heard.loudness.true_peak_dbtp,
            "short_term_max_lufs": heard.loudness.short_term_max_lufs,
            "file": heard.file,
        }
        for suffix, heard in measured.items()
    }
    return {"plan": plan.as_dict(), "measured": figures}
